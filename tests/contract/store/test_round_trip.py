"""What goes into the JSON columns comes out."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contract.store.values import furnish, project

from vibn.errors import AlreadyExists
from vibn.models import Limits, Seed
from vibn.store.base import Store

ANY_TEXT = st.text(st.characters(exclude_categories=[]))
LIMITS = st.builds(
    Limits,
    cpus=st.floats(0.01, 1024),
    memory=st.integers(0, 1 << 50),
    disk=st.integers(0, 1 << 60),
    pids=st.integers(0, 1 << 22),
    log=st.integers(0, 1 << 40),
)
SEEDS = st.builds(Seed, url=ANY_TEXT, ref=ANY_TEXT, archive=ANY_TEXT)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    env=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=5),
    limits=st.none() | LIMITS,
    seed=st.none() | SEEDS,
)
async def test_env_limits_and_seed_come_back_as_they_were(
    store: Store, env: dict[str, str], limits: Limits | None, seed: Seed | None
) -> None:
    with contextlib.suppress(AlreadyExists):
        await furnish(store)
    value = replace(project(), env=env, limits=limits, seed=seed)
    assert await store.save_project(value) == value
    assert (await store.locate("acme", "shop")).project == value
