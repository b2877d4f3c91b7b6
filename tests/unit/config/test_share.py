from collections.abc import Callable, Iterator

import pytest
from oslo_config import cfg

from glimpse.config import Settings, load

Read = Callable[..., Settings]


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    load()


def test_a_plugin_that_declares_options_of_its_own_sees_the_same_files(read: Read) -> None:
    read("[my_plugin]\ncolour = red\n", "[my_plugin]\ncolour = blue\n")
    cfg.CONF.register_opts([cfg.StrOpt("colour")], group="my_plugin")
    try:
        assert cfg.CONF.my_plugin.colour == "blue"
    finally:
        cfg.CONF.clear()
        cfg.CONF.unregister_opts([cfg.StrOpt("colour")], group="my_plugin")


def test_plugins_find_the_options_of_the_service_where_glance_has_them(read: Read) -> None:
    read(
        "[image_conversion]\noutput_format = qcow2\n", **{"image_import_opts.image_import_plugins": ["no_op"]}
    )
    assert cfg.CONF.image_conversion.output_format == "qcow2"
    assert cfg.CONF.image_import_opts.image_import_plugins == ["no_op"]
    assert cfg.CONF.node_staging_uri is None


def test_libraries_declare_their_own_sections_without_conflict(read: Read) -> None:
    read("[oslo_policy]\npolicy_file = mine.yaml\n")
    opt = cfg.StrOpt("policy_file", default="theirs.yaml", help="In the library's own words.")
    cfg.CONF.register_opt(opt, group="oslo_policy")
    try:
        assert cfg.CONF.oslo_policy.policy_file == "mine.yaml"
        assert read("[oslo_policy]\npolicy_file = other.yaml\n").oslo_policy.policy_file == "other.yaml"
    finally:
        cfg.CONF.clear()
        cfg.CONF.unregister_opt(opt, group="oslo_policy")


def test_each_load_starts_afresh(read: Read) -> None:
    read("[task]\ntask_time_to_live = 3\n", **{"DEFAULT.bind_port": 5})
    again = read("")
    assert (again.task.task_time_to_live, again.default.bind_port) == (48, 9292)
    assert (cfg.CONF.task.task_time_to_live, cfg.CONF.bind_port) == (48, 9292)
