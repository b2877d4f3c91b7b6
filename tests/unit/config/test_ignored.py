from collections.abc import Callable
from pathlib import Path

from oslo_config import cfg

from glimpse.config import Settings

Read = Callable[..., Settings]


def test_one_warning_names_all_that_is_ignored(read: Read) -> None:
    settings = read(
        "[DEFAULT]\nbacklog = 4096\nbind_port = 1\n[oslo_reports]\nfile_event_handler = x\n",
        "[DEFAULT]\nregistry_host = h\nbacklog = 1\n[DEFAULTS]\ndebug = true\n[task]\nwork_dir = /tmp\n",
    )
    assert settings.warnings == (
        "these options mean nothing here and are ignored: [DEFAULT] backlog, registry_host; [oslo_reports];"
        " [DEFAULTS] (it should be [DEFAULT]) debug; [task] work_dir",
    )
    assert not settings.default.debug


def test_an_option_in_the_wrong_section_is_told_where_it_belongs(read: Read) -> None:
    settings = read(
        "[DEFAULT]\nallowed_ports = [8080]\nenabled_backends = a:file\nnode_staging_uri = file:///x\n"
        "[glance_store]\ndefault_backend = a\n"
    )
    assert settings.import_filtering_opts.allowed_ports == (80, 443)
    assert settings.warnings == (
        "these options mean nothing here and are ignored: [DEFAULT] allowed_ports (it belongs in"
        " [import_filtering_opts]), node_staging_uri",
    )


def test_a_file_without_surprises_warns_of_nothing(read: Read) -> None:
    assert read("[DEFAULT]\nbind_port = 1\n[empty]\n").warnings == ()


def test_options_of_the_other_way_to_configure_stores_are_ignored(read: Read) -> None:
    single = read(
        "[os_glance_staging_store]\nfilesystem_store_datadir = /x\n[glance_store]\ndefault_backend = a\n"
    )
    assert single.warnings == (
        "these options mean nothing here and are ignored: [os_glance_staging_store] filesystem_store_datadir;"
        " [glance_store] default_backend",
    )
    several = read(
        "[DEFAULT]\nenabled_backends = a:file\nnode_staging_uri = file:///x\n"
        "[glance_store]\nstores = file\ndefault_backend = a\nfilesystem_store_datadir = /y\n"
    )
    assert several.warnings == (
        "these options mean nothing here and are ignored: [DEFAULT] node_staging_uri; [glance_store] stores,"
        " filesystem_store_datadir",
    )


def test_sections_that_a_library_reads_by_itself_are_not_warned_of(read: Read) -> None:
    settings = read(
        "[keystone_authtoken]\ncafile = /x\nservice_token_roles = a\n[barbican_service_user]\nauth_url = x\n"
    )
    assert settings.warnings == ()


def test_notifications_are_not_sent_and_whoever_wants_them_is_told(read: Read) -> None:
    settings = read(
        "[DEFAULT]\ntransport_url = rabbit://u:secret@h\ndisabled_notifications = image.upload\n"
        "default_publisher_id = h\n[oslo_messaging_notifications]\ndriver = log\ntopics = a\nretry = 1\n"
        "transport_url = rabbit://u:secret@h\n[oslo_messaging_rabbit]\nssl = true\n"
    )
    assert settings.warnings == (
        "these options mean nothing here and are ignored: [DEFAULT] transport_url, disabled_notifications,"
        " default_publisher_id; [oslo_messaging_notifications] driver, topics, retry, transport_url;"
        " [oslo_messaging_rabbit]",
    )


def test_an_option_that_only_a_plugin_uses_is_not_warned_of(read: Read) -> None:
    option = cfg.StrOpt("transport_url")
    cfg.CONF.register_opt(option)
    try:
        assert read("[DEFAULT]\ntransport_url = rabbit://h\n").warnings == ()
    finally:
        cfg.CONF.clear()
        cfg.CONF.unregister_opt(option)


def test_what_a_plugin_has_declared_is_not_warned_of(read: Read) -> None:
    cfg.CONF.register_opts([cfg.StrOpt("colour")], group="my_plugin")
    try:
        settings = read("[my_plugin]\ncolour = red\nshape = round\n")
        assert cfg.CONF.my_plugin.colour == "red"
        assert settings.warnings == ("these options mean nothing here and are ignored: [my_plugin] shape",)
    finally:
        cfg.CONF.clear()
        cfg.CONF.unregister_opts([cfg.StrOpt("colour")], group="my_plugin")


def test_reading_warns_by_settings_only(read: Read, caplog: object, capsys: object, tmp_path: Path) -> None:
    read("[DEFAULT]\nbacklog = 1\nlogfile = x\n")
    assert caplog.records == []  # type: ignore[attr-defined]
    assert capsys.readouterr() == ("", "")  # type: ignore[attr-defined]
