#!/usr/bin/env bash
# English to German on Multi30k within an hour of two cores, by data diversification (Nguyen et al. 2020): two teachers,
# a core each, translate all captions there and back; a student learns from all of it. docs/benchmarks.md, "Multi30k".
#   benchmarks/multi30k.sh FOLDER RESULTS      FOLDER has train, val and test_2016_flickr .lc.norm.tok.en.gz and .de.gz
#   TEACHING=1 STUDYING=2 benchmarks/multi30k.sh …      minutes, for a try
# The validation scores are written; the test is scored by the command that comes last.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,/^set/{s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
congling=$(cd "$(dirname "$0")/.." && pwd)/.venv/bin/congling
folder=$(cd "$1" && pwd)
mkdir -p "$2" && cd "$2"
shape=(--encoder-layers 4 --decoder-layers 4 --width 128 --feed-forward 256 --heads 4 --dropout 0.2
    --joint-vocabulary 6000 --batch-tokens 4096 --learning-rate 5e-3 --warmup-steps 600)

for language in en de; do
    for part in train val test_2016_flickr; do gzip -dc "$folder/$part.lc.norm.tok.$language.gz" >"$part.$language"; done
done

held_out() { # FROM TO
    echo --valid-source "val.$1" --valid-target "val.$2" \
        --test-source "test_2016_flickr.$1" --test-target "test_2016_flickr.$2" --direction "$1-$2"
}

teach() { # CORE FROM TO
    # shellcheck disable=SC2046
    taskset -c "$1" "$congling" train translation --source "train.$2" --target "train.$3" $(held_out "$2" "$3") \
        "${shape[@]}" --minutes "${TEACHING:-17}" --threads 1 --validations 4 --run "teacher-$2-$3" >/dev/null
    taskset -c "$1" "$congling" translate "teacher-$2-$3" <"train.$2" >"taught.$3"
}

teach 0 en de &
first=$!
trap 'pkill -P "$first" || true' EXIT # if the second fails, the first must not go on
teach 1 de en
wait "$first"
trap - EXIT # its number may be another process's soon

cat train.en train.en taught.en >all.en
cat train.de taught.de train.de >all.de
# shellcheck disable=SC2046
"$congling" train translation --source all.en --target all.de $(held_out en de) "${shape[@]}" \
    --minutes "${STUDYING:-39}" --validations 13 --average 8 --keep-checkpoints 8 --run student >/dev/null

echo "validation:"
"$congling" evaluate student --source val.en --target val.de --bleu-tokenizer none --lowercase
echo "test: $congling evaluate $PWD/student --bleu-tokenizer none --lowercase --confidence"
