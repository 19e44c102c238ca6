#!/usr/bin/env bash
# From an empty machine to a translator. `make translate` runs this; docs/benchmarks.md has the times it takes.
#   MINUTES=2 make translate      a shorter training
#   RUN=runs/another make translate
set -euo pipefail
cd "$(dirname "$0")/.."
congling=.venv/bin/congling
run=${RUN:-runs/translation-zh-en}

# 1. Data: 56,578 Mandarin-English sentence pairs of Tatoeba, fetched once into the user's cache and verified.
"$congling" data fetch tatoeba-zh-en >/dev/null

# 2. Learn. A run that was stopped goes on where it was; one that is finished says so and is left alone.
if [ -e "$run/run.yaml" ]; then
    "$congling" train --resume "$run" >/dev/null
else
    "$congling" train translation --minutes "${MINUTES:-10}" --run "$run" >/dev/null
fi

# 3. Score it on sentences that it has never seen.
echo
"$congling" evaluate "$run"

# 4. Ten sentences, and what to try next.
echo
"$congling" translate "$run" <recipes/ten_sentences.zh | paste -d '\n' recipes/ten_sentences.zh - | sed 'n;s/^/    /'

case $(.venv/bin/python -c 'from congling.language import current_language; print(current_language())') in
zh*) next=(接下来可以试试： "同时给出三种译文" "在浏览器里看每一个注意力头" "带置信区间的分数" "继续训练" "用自己的句对训练") ;;
*) next=("Try next:" "three translations of each sentence" "every attention head, in your browser" \
    "scores with confidence intervals" "train it further" "learn from your own sentence pairs") ;;
esac
cat <<NEXT

${next[0]}
  $congling translate $run "你会说中文吗？" --n-best 3       # ${next[1]}
  $congling inspect $run "我喜欢学习。" --html page.html     # ${next[2]}
  $congling evaluate $run --confidence                      # ${next[3]}
  $congling train --resume $run --minutes 30                # ${next[4]}
  $congling train translation --source a.zh --target a.en   # ${next[5]}
NEXT
