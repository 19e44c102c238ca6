"""What a network is measured against: naive Bayes and logistic regression on how often characters follow each other."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from congling.data.text.labelled_texts import LabelledTexts
from congling.tasks.classification_scores import Evaluation

LONGEST = 3  # characters in a row that are counted
FEWEST = 2  # texts that must hold them
STRENGTHS = (1.0, 4.0, 16.0)  # of logistic regression's C, the best of which on the validation texts is taken
Name = Literal["naive Bayes", "logistic regression"]


@dataclass(frozen=True)
class Baseline:
    """A linear model, what it gives for texts, and how long it took to learn on one processor."""

    name: Name
    evaluation: Evaluation
    seconds: float


def baselines(train: LabelledTexts, valid: LabelledTexts, test: LabelledTexts) -> list[Baseline]:
    """Multinomial naive Bayes on counts of one to three characters, and logistic regression on their tf-idf weights.

    Both learn from ``train``, by scikit-learn; ``valid`` chooses how strongly the second is held back.
    """
    return [_naive_bayes(train, test), _logistic_regression(train, valid, test)]


def _naive_bayes(train: LabelledTexts, test: LabelledTexts) -> Baseline:
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    begun = time.perf_counter()
    counts = CountVectorizer(**_counted(len(train)))
    model = MultinomialNB().fit(counts.fit_transform(train.texts), train.targets)
    seconds = time.perf_counter() - begun
    return Baseline("naive Bayes", _evaluation(model, counts, test), seconds)


def _logistic_regression(train: LabelledTexts, valid: LabelledTexts, test: LabelledTexts) -> Baseline:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    begun = time.perf_counter()
    weights = TfidfVectorizer(sublinear_tf=True, **_counted(len(train)))
    features, held_out = weights.fit_transform(train.texts), weights.transform(valid.texts)
    models = [LogisticRegression(C=C, max_iter=1000).fit(features, train.targets) for C in STRENGTHS]
    best = max(models, key=lambda model: float(model.score(held_out, valid.targets)))
    seconds = time.perf_counter() - begun
    return Baseline("logistic regression", _evaluation(best, weights, test), seconds)


def _counted(texts: int) -> dict[str, Any]:
    return {"analyzer": "char", "ngram_range": (1, LONGEST), "min_df": FEWEST if texts >= 100 else 1}


def _evaluation(model: Any, features: Any, texts: LabelledTexts) -> Evaluation:
    found: NDArray[np.float64] = model.predict_proba(features.transform(texts.texts))
    probabilities = np.zeros((len(texts), len(texts.classes)))
    probabilities[:, model.classes_] = found
    return Evaluation(texts.classes, list(texts.texts), texts.targets, probabilities)
