"""docker-compose.yml and Dockerfile: valid, pinned, on loopback, without secrets."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"setup", "kibana-account"}  # run once and exit
SECRETS = {
    *(
        "SECRET_KEY",
        "POSTGRES_PASSWORD",
        "MONGODB_PASSWORD",
        "MONGODB_KEY",
        "ELASTIC_PASSWORD",
        "KIBANA_PASSWORD",
    )
}
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text().splitlines()
    if re.match(r"[A-Z_]+=", line)
)


def test_all_parts_of_the_service_are_there():
    assert set(SERVICES) - ONCE == {
        *("web", "worker", "consumer", "beat"),
        *("postgres", "mongodb", "sqs", "elasticsearch", "kibana"),
    }


def test_long_running_services_have_a_healthcheck_and_restart():
    for name, service in SERVICES.items():
        if name in ONCE:
            assert service["restart"] == "no"
        else:
            assert service["restart"] == "unless-stopped"
            assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"]), name


def test_services_with_data_have_a_volume():
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted == set(COMPOSE["volumes"])
    assert all(SERVICES[name]["volumes"] for name in ("postgres", "mongodb", "sqs", "elasticsearch"))


def test_ports_are_open_to_this_machine_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_image_has_a_version():
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    for image in (*bases, *images):
        assert re.search(r":\d+\.\d+(\.\d+)?(-[a-z-]+)?$", image), image


def test_the_image_does_not_run_as_root_and_installs_what_is_locked():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER tetraflix"]
    assert lines.index("USER tetraflix") < next(n for n, line in enumerate(lines) if line.startswith("CMD"))
    assert any("--require-hashes" in line for line in lines)


def test_no_secret_has_a_default_and_every_one_is_in_the_example():
    used = dict(re.findall(r"\$\{([A-Z_]+)(:[?-])", TEXT))
    assert {name for name, kind in used.items() if kind == ":?"} == SECRETS
    assert set(used) == set(EXAMPLE)
    assert {name for name, value in EXAMPLE.items() if not value} == SECRETS


def test_the_settings_read_every_variable_of_the_service():
    read = (ROOT / "tetraflix" / "settings.py").read_text()
    for name in SERVICES["web"]["environment"]:
        assert f'"{name}"' in read, name


@pytest.mark.parametrize("secrets", [True, False])
def test_docker_compose_accepts_it_and_asks_for_secrets(secrets: bool, tmp_path: Path):
    command = _docker_compose()
    env = tmp_path / "env"
    env.write_text("".join(f"{name}={value or 'x' * 50 * secrets}\n" for name, value in EXAMPLE.items()))
    run = subprocess.run(
        [*command, "--env-file", env, "config", "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if secrets:
        assert (run.returncode, run.stderr) == (0, "")
    else:
        assert run.returncode != 0
        assert "set it in .env" in run.stderr


def _docker_compose() -> list[str]:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            version = subprocess.run(
                [*command, "version", "--short"], capture_output=True, text=True, check=False
            )
            if re.match(r"v?[2-9]|dev", version.stdout):
                return command
    pytest.skip("no docker compose here (version 2 or newer)")
