"""What a bundle is for: its own texts told from all others by one more output, learnt against a background we ship.

The background (`data/background.tsv`, a kind and a passage a line) holds what is no complaint: news, poems, code, chat.
The output is scored in the same pass as the heads. Its limit is set on texts and on kinds of background that the
machine it is set with has not seen, so that it stands for kinds the background does not hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from model.clauses import split_clauses
from model.labels import shipped
from model.linear import Recipe, cross_fit, fit_outputs

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from model.features import Vocabulary

__all__ = ["ANY", "Scope", "learn_scope", "read_background"]

ANY = -100.0  # a limit that no text falls short of
_LOST = 0.03  # of the own texts at most
_CAUGHT = 0.95  # of the background is enough: the limit is not set higher
_SHORT = 0.03  # of the own texts may be shorter than what is called too short
_TEXTS = 6_000  # own texts that are enough to learn from
_FEWEST = 100  # own texts below which nothing is refused
_FOLDS = 5
_RECIPE = Recipe(0.5, balance=1.0)


@dataclass(frozen=True)
class Scope:
    """The output: `weights` (features, 1), `bias` (1,); a text is out of scope when it scores less than `limit`.

    A text of fewer than `shortest` characters is too short. `others` (passages,) and `own` hold the scores of passages
    and of own texts by machines that have not seen the kind of the passage or the text.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float64]
    limit: float
    shortest: int
    others: NDArray[np.float64]
    own: NDArray[np.float64]


@cache
def read_background() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The passages of the background and the kind of each; none where it was not installed.

    >>> passages, kinds = read_background()
    >>> len(passages) > 400, "news" in kinds, "poems" in kinds, "code" in kinds
    (True, True, True, True)
    """
    path = shipped("background.tsv")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    pairs = [line.split("\t", 1) for line in lines if line.strip()]
    return tuple(passage for _, passage in pairs), tuple(kind for kind, _ in pairs)


def learn_scope(vocabulary: "Vocabulary", texts: Sequence[str], matrix: "csr_matrix") -> Scope:
    """Learn to tell `texts`, whose tf-idf rows are `matrix`, from the background.

    A clause or two of each text and passage are learnt too, so that a short complaint to a company whose complaints are
    long is not taken for chat. With fewer than 100 texts nothing is refused.
    """
    from scipy.sparse import vstack

    lengths = np.array([len(text) for text in texts])
    shortest = int(np.clip(np.quantile(lengths, _SHORT), 2, 3))
    passages, kinds = read_background()
    if len(texts) < _FEWEST or not passages:
        none = np.empty(0)
        return Scope(np.zeros((matrix.shape[1], 1), np.float32), np.zeros(1), ANY, shortest, none, none)
    random = np.random.default_rng(len(texts))
    chosen = np.sort(random.permutation(len(texts))[:_TEXTS])
    own = [texts[at] for at in chosen.tolist()]
    more = [*[_piece(text, random) for text in own], *passages, *[_piece(text, random) for text in passages]]
    rows = vstack((matrix[chosen], vocabulary.matrix(more)), format="csr")
    inside = np.arange(rows.shape[0]) < 2 * len(own)
    order = {kind: at for at, kind in enumerate(dict.fromkeys(kinds))}
    fold = 2 * [_fold(text) for text in own] + 2 * [order[kind] % _FOLDS for kind in kinds]
    scores = cross_fit(rows, inside[:, None], np.array(fold, np.int64), _RECIPE)[:, 0]
    mine, others = scores[: len(own)], scores[2 * len(own) :][: len(passages)]
    limit = float(min(np.quantile(mine, _LOST), np.quantile(others, _CAUGHT)))
    weights, bias = fit_outputs(rows, inside[:, None], _RECIPE)
    return Scope(weights, bias, limit, shortest, others, mine)


def _fold(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass")) % _FOLDS


def _piece(text: str, random: np.random.Generator) -> str:
    spans = split_clauses(text)
    first = int(random.integers(0, len(spans)))
    last = min(first + int(random.integers(0, 2)), len(spans) - 1)
    return text[spans[first][0] : spans[last][1]]
