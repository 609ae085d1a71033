"""The same text, the same answer, byte for byte, in any batch, thread and process, after a restart; none is unknown."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import isfinite
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydantic_core import to_json

from model.bundle import Bundle, load_bundle
from model.classifier import ComplaintClassifier
from model.complaint import Complaint
from model.export import write_table
from model.heads import HeadSpec
from model.hostile import COMPLAINTS, hostile_texts
from model.table import read_table
from model.versions import label_version, versions_of
from serving.intake import Refusal
from serving.service import Service
from tests.campaigns.server import ServerProcess
from tests.conftest import NOON, Clock
from tests.matters import CELLS, TEXTS
from training.classify_file import classify_file

SAID = [*COMPLAINTS, *TEXTS[:22]]
BODIES = [
    {"id": f"c-{at}", "text": text, "customer": f"C{at}", "channel": "APP", "time": "2026-10-14T12:00:00+08:00"}
    for at, text in enumerate(SAID)
]


def complaints(texts: Sequence[str]) -> list[Complaint]:
    return [Complaint(f"c-{at}", text, NOON, None, None, None, None, None, True) for at, text in enumerate(texts)]


def test_answers_do_not_depend_on_the_batch_the_order_or_the_thread(service: Service) -> None:
    asked = complaints(SAID)
    whole = [to_json(answer) for answer in service.intake.classify(asked, explain=True)]

    def in_batches(size: int) -> list[bytes]:
        parts = [asked[at : at + size] for at in range(0, len(asked), size)]
        return [to_json(answer) for part in parts for answer in service.intake.classify(part, explain=True)]

    assert [in_batches(size) for size in (1, 3, 16)] == [whole] * 3
    backwards = service.intake.classify(asked[::-1], explain=True)
    assert [to_json(answer) for answer in backwards][::-1] == whole
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(in_batches, (1, 2, 5, 40) * 2)) == [whole] * 8


def test_answers_are_the_same_bytes_in_two_server_processes_and_after_a_restart(
    server: httpx.Client, starter_bundle: Path, tmp_path: Path
) -> None:
    def ask(client: httpx.Client) -> list[bytes]:
        def one(body: dict[str, str]) -> bytes:
            return client.post("/classify?record=false&explain=true", json=body).raise_for_status().content

        with ThreadPoolExecutor(4) as pool:
            singly = list(pool.map(one, BODIES))
        listed = client.post("/classify?record=false&explain=true", json=BODIES).raise_for_status().content
        assert listed == b"[" + b",".join(singly) + b"]"
        return singly

    here = ask(server)
    (tmp_path / "other").mkdir()
    other = ServerProcess(tmp_path / "other", starter_bundle, KESU_EVALUATOR="false", KESU_SENDER="false")
    with httpx.Client(base_url=other.url, trust_env=False, timeout=10) as client:
        for _ in ("started", "started again"):
            other.start()
            try:
                there = ask(client)
            finally:
                other.stop()
            assert there == here
    assert len(set(here)) == len(SAID)


def test_a_file_says_what_the_service_says_whatever_its_chunks_and_workers(
    service: Service, starter_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_table(tmp_path / "in.csv", ["text"], [{"text": text} for text in SAID])
    outs = [tmp_path / f"{name}.csv" for name in ("whole", "one", "three")]
    classify_file(starter_bundle, tmp_path / "in.csv", outs[0])
    monkeypatch.setattr("training.chunks._WINDOW", 300)
    monkeypatch.setattr("training.chunks._CHUNK", 200)
    for workers, out in zip((1, 3), outs[1:], strict=True):
        classify_file(starter_bundle, tmp_path / "in.csv", out, workers)
    assert len({out.read_bytes() for out in outs}) == 1
    heads = load_bundle(starter_bundle).heads
    for row, answer in zip(read_table(outs[0]).rows, service.intake.classify(complaints(SAID)), strict=True):
        assert isinstance(answer, dict)
        for head in heads:
            said = answer[head]
            assert row[head] == said["label"]
            assert row[f"{head}_confidence"] == f"{said['confidence']:.4f}"
            assert row[f"{head}_accepted"] == str(said["accepted"]).lower()


def test_a_recorded_answer_is_the_same_after_a_restart(open_at: Callable[..., Service], clock: Clock) -> None:
    first = open_at(clock)
    before = [to_json(answer) for answer in first.intake.accept(complaints(SAID))]
    first.store.close()
    again = open_at(clock)
    assert [to_json(answer) for answer in again.intake.accept(complaints(SAID))] == before
    again.store.close()


def test_every_answer_names_the_versions_it_was_made_with(service: Service, starter_bundle: Path) -> None:
    bundle = load_bundle(starter_bundle)
    assert bundle.versions["model"] == bundle.version
    for answer in service.intake.classify(complaints(SAID)):
        assert isinstance(answer, dict)
        assert answer["versions"] == bundle.versions
        assert list(answer["versions"]) == ["model", "labels", "segmenter", "dictionary"]
        assert answer["model"] == answer["versions"]["model"]


def test_a_saved_bundle_has_the_versions_of_its_next_opening(tmp_path: Path) -> None:
    bundle = Bundle(ComplaintClassifier(folds=2).fit(TEXTS, {"category": CELLS["category"]}))
    bundle.save(tmp_path / "one")
    assert load_bundle(tmp_path / "one").versions == bundle.versions
    assert bundle.predict(["快递慢"])[0].versions == bundle.versions


def test_another_label_order_or_dictionary_is_another_version() -> None:
    head = HeadSpec("category", ("物流", "服务"))
    others = [
        HeadSpec("category", ("服务", "物流")),
        HeadSpec("category", ("物流", "服务", "费用")),
        HeadSpec("type", ("物流", "服务")),
        HeadSpec("category", ("物流", "服务"), several=True),
    ]
    assert label_version([head]) not in {label_version([other]) for other in others}
    words = np.zeros(65536, np.uint64)
    before = versions_of("m", [head], words)
    words[7] = 1
    after = versions_of("m", [head], words)
    assert {name for name in before if before[name] != after[name]} == {"dictionary"}


@pytest.fixture(scope="module")
def hostile() -> list[str]:
    return hostile_texts(10_000, seed=2026)


def test_ten_thousand_hostile_complaints_get_known_labels_or_a_refusal(service: Service, hostile: list[str]) -> None:
    bundle = service.intake.bundle()
    assert bundle is not None
    labels = {head: set(names) for head, names in bundle.heads.items()}
    refused = 0
    for start in range(0, len(hostile), 1_000):
        for answer in service.intake.classify(complaints(hostile[start : start + 1_000])):
            if isinstance(answer, Refusal):
                refused += 1
                assert answer.status == 422
                continue
            json.dumps(answer, allow_nan=False).encode()
            for head, known in labels.items():
                verdict = answer[head]
                assert {verdict["label"], *(other["label"] for other in verdict["alternatives"])} <= known
                assert isfinite(verdict["confidence"])
                assert 0 <= verdict["confidence"] <= 1
                assert verdict["accepted"] == (verdict["reason"] is None)
    assert 0 < refused < len(hostile) / 2


def test_a_file_of_ten_thousand_hostile_texts_gets_known_labels(
    starter_bundle: Path, tmp_path: Path, hostile: list[str]
) -> None:
    rows = "".join(json.dumps({"text": text}) + "\n" for text in hostile)
    (tmp_path / "in.jsonl").write_text(rows, encoding="utf-8")
    done = classify_file(starter_bundle, tmp_path / "in.jsonl", tmp_path / "out.jsonl", workers=1)
    assert (done.rows, done.left_out) == (10_000, 0)
    heads = load_bundle(starter_bundle).heads
    for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n"):
        said = json.loads(line)
        for head, labels in heads.items():
            assert said[head] in (labels if said["text"].strip() else (None, "", *labels))
