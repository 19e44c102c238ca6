"""The language in which congling speaks to its user: ``_("English text")`` gives the text in the user's language.

The catalogues are gettext's, domain ``congling``, in ``congling/locale``. The language is ``CONGLING_LANGUAGE``,
else the locale's; Chinese of any kind is Simplified Chinese, everything else is English.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Mapping
from pathlib import Path

from congling.errors import UsageError

DOMAIN = "congling"
LOCALE = Path(__file__).parent / "locale"
ENGLISH, CHINESE = "en", "zh_CN"

_catalogue: gettext.NullTranslations | None = None  # read when the first text is asked for
_chosen: str | None = None


def _(text: str) -> str:
    """The text in the current language; the text itself where the catalogue does not hold it."""
    global _catalogue
    if not text:
        return text  # gettext answers an empty message with the catalogue's header
    if _catalogue is None:
        _catalogue = gettext.translation(DOMAIN, LOCALE, [current_language()], fallback=True)
    return _catalogue.gettext(text)


def current_language() -> str:
    """``"en"`` or ``"zh_CN"``: what was chosen, else what the environment asks for."""
    return _chosen if _chosen is not None else language_of(os.environ)


def use_language(code: str | None) -> None:
    """Speak this language from now on (``zh``, ``zh_CN``, ``zh-Hans``, ``en`` …); None: the environment's again.

    Raises:
        UsageError: for a language that there is no catalogue of.
    """
    global _catalogue, _chosen
    if code is not None and not _is_chinese(code) and _primary(code) != "en":
        raise UsageError(_("there is no language {code}; choose en or zh").format(code=code))
    _chosen = None if code is None else _supported(code)
    _catalogue = None


def language_of(environment: Mapping[str, str]) -> str:
    """The language that the environment variables ask for, in gettext's order of precedence."""
    own = environment.get("CONGLING_LANGUAGE")
    if own:
        return _supported(own)
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    if locale in ("C", "POSIX"):
        return ENGLISH  # a script that wants plain output sets this; LANGUAGE must not undo it
    return _supported(environment.get("LANGUAGE", "").split(":")[0] or locale)


def _supported(code: str) -> str:
    return CHINESE if _is_chinese(code) else ENGLISH


def _is_chinese(code: str) -> bool:
    return _primary(code) == "zh"


def _primary(code: str) -> str:
    """``zh`` of ``zh_CN.UTF-8`` and of ``zh-Hans``."""
    return code.replace("_", "-").split("-")[0].split(".")[0].lower()
