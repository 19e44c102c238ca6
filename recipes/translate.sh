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
cat <<NEXT

Try next:
  $congling translate $run "你会说中文吗？" --beam 5 --n-best 3
  $congling inspect $run "我喜欢学习。" --html page.html     every attention head, in your browser
  $congling evaluate $run --confidence
  $congling train --resume $run --minutes 30                 train it further
  $congling train translation --source a.zh --target a.en    your own sentence pairs
NEXT
