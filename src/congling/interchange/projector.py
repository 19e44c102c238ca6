"""The files that TensorBoard's embedding projector opens (also projector.tensorflow.org, by hand).

tensors.tsv             a line a word: its numbers, with tabs between
metadata.tsv            a line a word; a first line with the columns' names, and only then, where there are several
projector_config.pbtxt  names the two, so that ``tensorboard --logdir FOLDER`` finds them
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pyarrow.csv as csv

from congling.interchange.word_table import Counts, Vectors, safe_words
from congling.learning.atomic import atomic_file, write_atomically

TENSORS, METADATA, CONFIG = "tensors.tsv", "metadata.tsv", "projector_config.pbtxt"
_CONFIG = f"""embeddings {{
  tensor_name: "words"
  tensor_shape: {{rows}}
  tensor_shape: {{width}}
  tensor_path: "{TENSORS}"
  metadata_path: "{METADATA}"
}}
"""


def write_projector(folder: Path, words: Sequence[str], vectors: Vectors, counts: Counts | None = None) -> list[str]:
    """Write the three files, each whole or not at all, into a folder that is made if need be.

    Args:
        vectors: (V, D).
        counts: (V); a column of its own where they are known.

    Returns:
        Remarks: on words that hold spaces or tabs, which became ``_``.
    """
    safe, remarks = safe_words(words)
    rows, width = vectors.shape
    with atomic_file(folder / TENSORS) as file:
        columns = [arrow.array(np.ascontiguousarray(column, np.float32)) for column in vectors.T]
        table = arrow.table(columns, names=[str(number) for number in range(width)])
        csv.write_csv(table, file, csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none"))
    with atomic_file(folder / METADATA) as file:
        if counts is None:
            file.writelines(f"{word}\n".encode() for word in safe)
        else:
            file.write(b"word\tcount\n")
            file.writelines(f"{word}\t{count}\n".encode() for word, count in zip(safe, counts.tolist(), strict=True))
    write_atomically(folder / CONFIG, _CONFIG.replace("{rows}", str(rows)).replace("{width}", str(width)))
    return remarks
