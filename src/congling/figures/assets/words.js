// The page of words is put together.

const named = readAddress();
buildEncodings();
buildAlike();
buildProduct();
buildSpace();
buildCourse();
buildAnalogy();
chooseWord(named ?? wordPlaces.get((known.find((each) => wordPlaces.has(each.word)) || {}).word) ?? null, named !== null, true);
