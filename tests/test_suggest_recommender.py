"""The recommender finds the past fix, says why, learns at once, and never stops because a model did."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.domain import Alert, Edge, Incident, ModelPart, Resolution, Rung
from engine.errors import ModelUnusable
from engine.suggest import Encoder, Fusion, Recommender
from engine.suggest.explain import reasons
from engine.suggest.signals import COLUMNS
from tests.naive import suggest as naive

AT = datetime(2026, 3, 1, tzinfo=UTC)
KINDS = (
    ("Disk full on {host}", "No space left on device, cannot write WAL", "Removed old WAL files", "storage"),
    ("Certificate of {host} expired", "TLS handshake fails: certificate has expired", "Renewed with certbot", "web"),
    ("Timeouts from pool on {host}", "HikariPool-1: Connection is not available", "Raised maximumPoolSize", "shop"),
)


def incident(number: int, kind: int = 0, *, closed: bool = True, title: str | None = None) -> Incident:
    heading, body, fix, service = KINDS[kind]
    opened = AT + timedelta(days=number)
    return Incident(
        id=f"INC-{number}",
        opened_at=opened,
        closed_at=opened + timedelta(hours=2) if closed else None,
        title=heading.format(host=f"host{number % 5}") if title is None else title,
        description=body if title is None else "",
        service=service,
        resolution=Resolution(text=fix, resolver="dana") if closed else None,
    )


def history(count: int = 30) -> list[Incident]:
    return [incident(number, number % 3) for number in range(count)]


def asked(kind: int, number: int = 100) -> Incident:
    return incident(number, kind, closed=False)


@pytest.mark.parametrize(
    ("past", "others", "asked_for"),
    [
        (
            "会計サーバーのディスクが一杯です",
            ["会計サーバーが応答しません", "印刷キューが止まっています"],
            "またディスクが一杯、会計",
        ),
        ("数据库连接池已耗尽", ["数据库备份失败", "网络连接缓慢"], "今天连接池耗尽了"),
        ("ดิสก์เต็มบนเซิร์ฟเวอร์บัญชี", ["เซิร์ฟเวอร์บัญชีไม่ตอบสนอง", "เครื่องพิมพ์ค้าง"], "วันนี้ดิสก์เต็มอีกแล้ว"),
        ("인증서가 만료되었습니다", ["서버가 느립니다", "디스크가 가득 찼습니다"], "만료된 인증서를 봅니다"),
    ],
)
def test_scripts_without_spaces_are_searched(past: str, others: list[str], asked_for: str) -> None:
    known = [incident(number, title=title) for number, title in enumerate([*others, past, *others])]
    items = Recommender().fit(known).predict_one(replace(asked(0), title=asked_for, description="")).items
    assert items[0].incident.title == past
    assert items[0].score > 3 * items[1].score


class LetterModel:
    """Stands in for sentence-transformers."""

    def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        rows = np.array([[text.count(letter) + 0.1 for letter in "abcdefghij"] for text in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def get_embedding_dimension(self) -> int:
        return 10


def encoder() -> Encoder:
    made = Encoder("letters")
    made.model_ = LetterModel()
    return made


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("model", [None, encoder()])
def test_the_same_problem_on_another_host_is_first(kind: int, model: Encoder | None) -> None:
    found = Recommender(encoder=model).fit(history()).warm().predict_one(asked(kind))
    first = found.items[0].incident
    assert first.resolution is not None
    assert first.resolution.text == KINDS[kind][2]
    assert found.rung == (Rung.LEXICAL if model is None else Rung.FULL)


def test_reasons_sum_to_the_score() -> None:
    for item in Recommender(encoder=encoder()).fit(history()).warm().predict_one(asked(2)).items:
        total = sum(reason.weight for reason in item.because)
        assert item.score == pytest.approx(1 / (1 + np.exp(-total)), rel=1e-6)


def test_scores_fall_and_are_probabilities() -> None:
    scores = [item.score for item in Recommender().fit(history()).predict_one(asked(0), top=30).items]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_before_any_learning_there_is_nothing_to_suggest() -> None:
    assert Recommender().predict_one(asked(0)).items == ()
    assert Recommender().fit([]).predict_one(asked(0)).items == ()


def test_a_resolution_is_seen_by_the_next_question() -> None:
    recommender = Recommender().fit(history())
    new = incident(40, title="Kafka broker lost its controller epoch")
    recommender.learn_one(new)
    question = incident(50, closed=False, title="controller epoch lost on kafka broker")
    assert recommender.predict_one(question).items[0].incident == new


def test_learning_an_incident_again_replaces_it() -> None:
    recommender = Recommender().fit(history())
    newer = incident(9, title="Something quite different: clock skew")
    recommender.learn_one(newer)
    items = recommender.predict_one(asked(0), top=100).items
    assert [item.incident for item in items if item.incident.id == "INC-9"] == [newer]
    assert len(items) == 30


def test_replacing_for_ever_does_not_grow_for_ever() -> None:
    recommender = Recommender(encoder=encoder()).fit(history(3)).warm()
    for _ in range(700):
        recommender.learn_one(incident(1, 1))
    assert len(recommender.memory) < 600
    assert recommender.ready
    assert len(recommender.predict_one(asked(1)).items) == 3


def test_only_what_was_known_then_is_suggested() -> None:
    recommender = Recommender().fit(history())
    question = asked(0, number=10)
    items = recommender.predict_one(question, top=100).items
    assert items
    assert all(item.incident.known_from < question.opened_at for item in items)
    assert all(item.age_days > 0 for item in items)
    itself = recommender.predict_one(incident(29, 2), top=100).items
    assert "INC-29" not in {item.incident.id for item in itself}


def test_old_history_is_still_found() -> None:
    old = incident(-3_000, title="Kerberos ticket renewal storm")
    found = Recommender().fit([*history(), old]).predict_one(asked(0, 100))
    assert found.items[0].incident != old
    question = incident(100, closed=False, title="storm of kerberos ticket renewals")
    assert Recommender().fit([*history(), old]).predict_one(question).items[0].incident == old


def test_shared_alerts_speak_for_an_incident() -> None:
    alert = Alert(id="a", source="s", title="x", starts_at=AT, received_at=AT, fingerprint="f1")
    plain = Recommender().fit(history())
    told = Recommender().fit(history(), {"INC-5": [alert]})
    reasons = {each.signal: each.detail for each in _of(told, alert, "INC-5").because}
    assert "1 alert in common" in reasons["problem"]
    assert _of(told, alert, "INC-5").score > _of(plain, alert, "INC-5").score


def _of(recommender: Recommender, alert: Alert, name: str) -> Any:
    items = recommender.predict_one(asked(0), alerts=[alert], top=50).items
    return next(item for item in items if item.incident.id == name)


@pytest.mark.parametrize("model", [None, encoder()])
def test_asking_changes_nothing(model: Encoder | None) -> None:
    recommender = Recommender(encoder=model).fit(history()).warm()
    recommender.learn_one(incident(35, 1))
    recommender.predict_one(asked(1))
    before = pickle.dumps(recommender.memory)
    answers = [recommender.predict_one(asked(1)) for _ in range(2)]
    assert answers[0] == answers[1]
    assert pickle.dumps(recommender.memory) == before


def test_a_copy_learns_apart_from_the_original() -> None:
    recommender = Recommender().fit(history())
    copied = copy.deepcopy(recommender)
    copied.learn_one(incident(41, 2))
    assert len(recommender.memory) == 30
    assert len(copied.memory) == 31


def test_a_model_that_cannot_load_leaves_words_and_says_so() -> None:
    found = Recommender(encoder=Encoder("/nowhere")).fit(history()).warm().predict_one(asked(0))
    assert found.rung == Rung.LEXICAL
    assert "cannot be loaded" in found.note
    assert found.items[0].incident.title.startswith("Disk full")


def test_until_the_encoder_is_warm_words_answer() -> None:
    recommender = Recommender(encoder=encoder()).fit(history())
    assert not recommender.ready
    recommender.closer_look = 5
    assert recommender.predict_one(asked(0), top=3).rung == Rung.LEXICAL
    assert "not encoded yet" in recommender.predict_one(asked(0), top=3).note
    assert recommender.warm().ready
    assert recommender.predict_one(asked(0), top=3).rung == Rung.FULL


class Watch:
    """A lock that knows whether it is held."""

    def __init__(self) -> None:
        self.held = False

    def __enter__(self) -> None:
        assert not self.held
        self.held = True

    def __exit__(self, *_: object) -> None:
        self.held = False


def test_warming_holds_the_lock_while_it_changes_the_memory_and_never_while_it_encodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock, model = Watch(), encoder()
    recommender = Recommender(encoder=model).fit(history())
    encode, take = model.encode, recommender.memory.encoded
    seen: list[str] = []

    def encoding(texts: Sequence[str]) -> np.ndarray:
        assert not lock.held
        seen.append("encode")
        return encode(texts)

    def taking(slots: Sequence[int], vectors: np.ndarray) -> None:
        assert lock.held
        seen.append("take")
        take(slots, vectors)

    monkeypatch.setattr(model, "encode", encoding)
    monkeypatch.setattr(recommender.memory, "encoded", taking)
    assert recommender.warm(lock).ready
    assert seen.count("encode") == seen.count("take") > 0
    assert not lock.held


def test_what_is_replaced_while_it_is_encoded_gets_no_vector_of_its_old_text() -> None:
    recommender = Recommender(encoder=encoder()).fit(history(3))
    steps = recommender.warming()
    recommender.encoder.batch_size = 1  # type: ignore[union-attr]
    next(steps)
    recommender.learn_one(replace(incident(0), title="Entirely another matter"))
    list(steps)
    assert recommender.ready
    assert recommender.predict_one(asked(0)).rung == Rung.FULL


def test_encoding_only_what_a_question_looks_at_is_enough_for_it() -> None:
    recommender = Recommender(encoder=encoder(), closer_look=5).fit(history())
    list(recommender.warming_for([asked(0)]))
    assert 0 < len(recommender.memory.waiting) < 30
    found = recommender.predict_one(asked(0), top=3)
    assert found.rung == Rung.FULL
    assert found.items[0].incident.title.startswith("Disk full")


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_the_best_by_words_are_looked_at_as_though_asked_anew(kind: int) -> None:
    recommender = Recommender(encoder=encoder(), closer_look=5).fit(history())
    list(recommender.warming_for([asked(kind)]))
    by_words = Recommender().fit(history()).weigh(asked(kind))
    looked = recommender.weigh(asked(kind), depth=5)
    assert by_words.lexical and not looked.lexical
    assert set(looked.slots) == set(by_words.slots[by_words.order()[:5]])
    vector = encoder().encode([by_words.scan.question.document.encoded])[0]
    twin = recommender.weigh(asked(kind), depth=5).scan
    assert np.array_equal(looked.columns, naive.told(twin, vector, looked.slots))
    assert looked.columns[:, list(COLUMNS).index("meaning")].all()


def test_many_questions_of_a_batch_leave_nothing_to_encode_for_their_answers() -> None:
    edges = [Edge(source="storage", target="web"), Edge(source="web", target="shop")]
    model = encoder()
    recommender = Recommender(encoder=model, closer_look=5, topology=edges).fit(history(60))
    questions = [asked(number % 3, 100 + number) for number in range(30)]
    assert len(list(recommender.warming_for(questions))) == len(questions)
    model.model_.encode = lambda texts, **_: pytest.fail(f"asked again for {len(texts)} texts")
    for question in questions:
        assert recommender.predict_one(question, top=3).rung == Rung.FULL


def test_learning_encodes_when_the_encoder_is_there() -> None:
    recommender = Recommender(encoder=encoder()).fit(history()).warm()
    recommender.learn_one(incident(44, 1))
    assert recommender.ready


@pytest.mark.parametrize(
    "text",
    [
        "",
        "???",
        "\x00\x01",
        "Ã¤Ã¶",
        "障害 データベース 接続",
        "a" * 1_000_000,
        "<html>" * 9_000,
        "at a.b.C(D.java:1)\n" * 9_000,
    ],
)
def test_ugly_questions_are_answered(text: str) -> None:
    recommender = Recommender(encoder=encoder()).fit(history(5)).warm()
    question = Incident(id="q", opened_at=AT + timedelta(days=90), title=text, description=text)
    items = recommender.predict_one(question).items
    assert len(items) == 5
    assert all(np.isfinite(item.score) for item in items)
    recommender.learn_one(question)


def test_other_writing_systems_are_compared_too() -> None:
    past = incident(31, title="データベース 接続 エラー")
    question = incident(60, closed=False, title="接続 エラー 再発")
    assert Recommender().fit([*history(), past]).predict_one(question).items[0].incident == past


def test_weights_survive_storing_and_damage_is_refused() -> None:
    part = Recommender().to_part()
    again = Recommender.from_part(part)
    assert again.fusion == Fusion.shipped()
    with pytest.raises(ModelUnusable):
        Fusion.from_part(ModelPart(data={"full": {"meaning": "x"}, "lexical": {}}))
    with pytest.raises(ModelUnusable):
        Fusion.from_part(ModelPart(data={"full": {}}))


def test_shipped_weights_name_only_columns_there_are() -> None:
    for weights in (Fusion.shipped().full, Fusion.shipped().lexical):
        assert set(weights) - set(COLUMNS) == {"before any evidence"}


def test_long_histories_are_searched_through_channels() -> None:
    many = [incident(number, number % 3) for number in range(600)]
    recommender = Recommender(per_channel=20).fit(many)
    question = incident(700, 1, closed=False)
    assert len(recommender.weigh(question).slots) < 600
    assert recommender.predict_one(question).items[0].incident.title.startswith("Certificate")


def test_a_known_kind_comes_with_its_fix_and_a_new_one_with_none() -> None:
    recommender = Recommender().fit(history(60))
    known = recommender.predict_one(asked(2))
    assert not known.new_kind
    assert known.fixes[0].text == KINDS[2][2]
    assert known.fixes[0].resolvers == ("dana",)
    assert known.fixes[0].minutes == 120
    strange = Incident(id="q", opened_at=AT + timedelta(days=100), title="Payroll export sums are off by one cent")
    new = recommender.predict_one(strange)
    assert new.new_kind
    assert new.fixes == ()
    assert new.items
    assert new.probability < known.probability


def test_the_first_score_is_the_probability_of_any_match() -> None:
    answer = Recommender().fit(history()).predict_one(asked(1))
    assert answer.items[0].score == pytest.approx(answer.probability)


def test_reasons_are_the_five_terms() -> None:
    terms = {"before any evidence", "entity", "problem", "impact", "topology", "time"}
    items = Recommender().fit(history()).predict_one(asked(1)).items
    assert {reason.signal for item in items for reason in item.because} <= terms


def test_an_opinion_changes_the_worth_of_a_fix() -> None:
    recommender = Recommender().fit(history(60))
    before = recommender.predict_one(asked(0)).fixes[0]
    for _ in range(20):
        recommender.learn_opinion(before.incident_ids[0], helped=False)
    after = next(fix for fix in recommender.predict_one(asked(0)).fixes if fix.text == before.text)
    assert after.score < before.score
    assert after.used == before.used + 20


def test_incidents_of_neighbouring_services_are_reasons() -> None:
    edges = [Edge(source="storage", target="shop")]
    question = replace(asked(0), service="shop")
    told = Recommender(topology=edges).fit(history()).predict_one(question)
    details = [reason.detail for item in told.items for reason in item.because if reason.signal == "topology"]
    assert any("storage is beside shop" in detail for detail in details)


def test_weights_of_before_the_gate_take_the_shipped_one() -> None:
    old = {key: value for key, value in Recommender().to_part().data.items() if key != "gate"}
    assert Fusion.from_part(ModelPart(data=old)).gate == Fusion.shipped().gate


def test_after_a_restart_the_graph_of_many_vectors_is_read_and_nothing_in_it_is_encoded_again(tmp_path: Path) -> None:
    def started() -> Recommender:
        recommender = Recommender(encoder=encoder(), folder=tmp_path).fit(history(60))
        recommender.memory.vectors.exact = 40
        return recommender

    first = started().warm()
    assert first.memory.vectors.graph_ is not None
    second = started()
    second.encoder = Encoder("letters")
    second.encoder.model_ = LetterModel()
    left = list(second.warming())
    assert left == [], "nothing was encoded or moved"
    assert second.ready
    names = [[item.incident.id for item in one.predict_one(asked(1)).items] for one in (first, second)]
    assert names[0] == names[1]


def test_identifiers_of_a_reason_are_names_rather_than_line_numbers() -> None:
    trace = "OutOfMemoryError at org.acme.Worker.run(Worker.java:4711) and Pool.java:4712 and 4713 and 4714"
    known = replace(incident(1, title="pay is down"), id="PAY-1", description=trace)
    question = replace(asked(0), title="pay died", description=trace, service="")
    scan = Recommender().fit([known, *history()]).weigh(question).scan
    told = reasons(scan, 0, "same identifiers")
    assert "org.acme.worker.run" in told
    assert "4713" not in told
