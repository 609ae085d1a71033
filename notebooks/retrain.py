# %% [markdown]
# # 重新训练 · Retrain
# The same calls as `kesu train`: labelled files in, a bundle with its card out. Opens as a notebook with jupytext, runs
# as a script too. Replace `files` with your own; any label column becomes a head.

# %%
import tempfile
from pathlib import Path

from model.bundle import load_bundle
from model.labels import shipped
from model.painted import paint
from model.table import read_table
from training.evaluate import evaluate
from training.fit import train

files = sorted(shipped("starter").glob("*.csv"))
out = Path(tempfile.mkdtemp()) / "bundle"
result = train(files, out, progress=lambda done, total, what: print(f"\r{done:3d} % {what:20s}", end=""))
print()

# %% [markdown]
# ## What is wrong with the data, by file and row; all of it is in `data_report.csv` in the bundle's folder

# %%
print(*result.warnings, sep="\n")

# %% [markdown]
# ## The card: macro-F1 on rows the first fit did not see, and how honest the confidence is

# %%
for head, said in result.card["heads"].items():
    ece = f"ECE {said['ece']:.3f} (floor {said['ece_floor']:.3f})"
    print(f"{head:15s} n {said['n']:4d}  macro-F1 {said['macro_f1']:.3f}  {ece}")

# %% [markdown]
# ## Ask it

# %%
bundle = load_bundle(out)
for text in ("快递慢而且客服态度差", "会员到期前没提醒就自动扣了两百九十八"):
    prediction = bundle.predict([text], explain=True)[0]
    for head in ("category", "department", "sentiment"):
        verdict = prediction.heads[head]
        print(
            head,
            verdict.label,
            f"{verdict.confidence:.2f}",
            "accepted" if verdict.accepted else f"to people: {verdict.reason}",
        )
    print("because of", [text[start:end] for start, end, _ in prediction.evidence["category"]])

# %% [markdown]
# ## Why, character by character: darker speaks more for the label, red against it

# %%
painted = [paint(bundle, "客服态度差，快递也慢", head) for head in ("category", "department", "sentiment")]
print(*painted, sep="\n")
painted[0]

# %% [markdown]
# ## Measure on any labelled file

# %%
measured = evaluate(bundle, read_table(files[0]))
print(
    {head: round(said["macro_f1"], 3) for head, said in measured["heads"].items()}, "(seen in training: an upper bound)"
)
