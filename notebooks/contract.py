# %% [markdown]
# # 合约检查 · What a classifier owes its users
# One call runs every check on any object with `heads` and `predict_proba`: closed labels, real probabilities, the same
# answer in any batch, thread and process, hostile texts. First on our bundle, then on a scikit-learn pipeline in ten
# lines; put your own in its place. Opens as a notebook with jupytext, runs as a script too.

# %%
import tempfile
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from model.bundle import load_bundle
from model.contract import check_classifier
from model.labels import shipped
from training.dataset import held_out, read_labelled
from training.fit import train

files = sorted(shipped("starter").glob("*price*.csv"))
out = Path(tempfile.mkdtemp()) / "bundle"
result = train(files, out, heads=["category"])

# %% [markdown]
# ## Our bundle

# %%
report = check_classifier(load_bundle(out))
print(report)  # in a notebook `report` alone is a table
report.raise_if_failed()
print(f"macro-F1 {result.card['heads']['category']['macro_f1']:.3f}\n")


# %% [markdown]
# ## Your own


# %%
class Pipeline:
    """A scikit-learn pipeline as a classifier of one head."""

    def __init__(self, texts: list[str], labels: list[str]) -> None:
        features = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
        self.pipeline = make_pipeline(features, LogisticRegression(C=10, max_iter=500)).fit(texts, labels)
        self.heads = {"category": self.pipeline.classes_.tolist()}

    def predict_proba(self, texts: list[str]) -> dict[str, np.ndarray]:
        chances = self.pipeline.predict_proba(texts) if texts else np.empty((0, len(self.heads["category"])))
        return {"category": chances}


data = read_labelled(files, ["category"])
test = held_out(data, 0.2)
learnt, unseen = data.take(np.flatnonzero(~test)), data.take(np.flatnonzero(test))
mine = Pipeline(learnt.texts, learnt.cells["category"])
report = check_classifier(mine, texts=unseen.texts[:50], hostile=2_000)
print(report)
best = np.array(mine.heads["category"])[mine.predict_proba(unseen.texts)["category"].argmax(1)]
print(f"macro-F1 {f1_score(unseen.cells['category'], best, average='macro'):.3f}")
