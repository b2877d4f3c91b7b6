"""What holds of every kind of authentication."""

import asyncio
import base64
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from glimpse.access.anonymous import OrAnonymous
from glimpse.access.authenticator import Authenticator
from glimpse.access.caller import Caller, Unauthenticated
from glimpse.access.http_basic import HttpBasic
from glimpse.access.keystone import Keystone
from glimpse.access.noauth import NoAuth
from glimpse.errors import Unavailable
from tests.servers.identity import Identity
from tests.servers.keystone import authtoken
from tests.unit.access.test_selection import settings

SECRET = "ann's secret"
CLAIMS = {
    "x-identity-status": "Confirmed",
    "x-user-id": "root",
    "x-project-id": "everything",
    "x-roles": "admin",
    "x-service-roles": "service",
}


@dataclass
class Case:
    """A kind of authentication, what it takes for ann, a member of blue, and what it does not take."""

    authenticator: Authenticator
    ann: Mapping[str, str]
    bad: Mapping[str, str]
    project: str = "blue"
    secret: str = SECRET

    def ask(self, headers: Mapping[str, str], method: str = "GET") -> Caller:
        return asyncio.run(self.authenticator.authenticate(headers, method, "/v2/images"))


@pytest.fixture(scope="module", params=["noauth", "http_basic", "keystone"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    directory = tmp_path_factory.mktemp("kinds")
    if request.param == "noauth":
        yield Case(NoAuth(), {"x-auth-token": "ann:blue:Member"}, {"x-auth-token": "ann:blue"})
    elif request.param == "http_basic":
        command = ["htpasswd", "-B", "-C", "4", "-c", "-b", str(directory / "htpasswd"), "ann", SECRET]
        subprocess.run(command, check=True, capture_output=True)
        (directory / "htpasswd-roles").write_text("ann:blue:Member\n")
        basic = HttpBasic(settings(directory, "http_basic"))
        good, bad = (base64.b64encode(f"ann:{word}".encode()).decode() for word in (SECRET, "wrong"))
        yield Case(basic, {"authorization": f"Basic {good}"}, {"authorization": f"basic {bad}"})
        basic.close()
    else:
        identity: Identity = request.getfixturevalue("identity")
        keystone = Keystone(settings(directory, "keystone", authtoken(identity.url)))
        token = identity.token("ann")
        project = identity.as_user("admin").project("blue")
        yield Case(keystone, {"x-auth-token": token}, {"x-auth-token": "bad"}, project, token)
        keystone.close()


def test_good_credentials_name_somebody(case: Case) -> None:
    # The second answer is remembered by those who remember.
    for _ in range(2):
        caller = case.ask(case.ann)
        assert caller.user_id
        assert caller.project_id == case.project
        assert caller.roles == {"member", "reader"}
        assert (caller.is_admin, caller.service_roles) == (False, frozenset())


def test_bad_credentials_name_nobody(case: Case) -> None:
    with pytest.raises(Unauthenticated) as caught:
        case.ask(case.bad)
    assert caught.value.offered
    assert case.ask(case.ann).project_id == case.project


def test_claims_beside_credentials_are_not_looked_at(case: Case) -> None:
    assert case.ask({**CLAIMS, **case.ann}) == case.ask(case.ann)
    with pytest.raises(Unauthenticated):
        case.ask({**CLAIMS, **case.bad})


def test_headers_are_only_read(case: Case) -> None:
    headers = {**case.ann, "x-roles": "admin", "host": "here"}
    before = dict(headers)
    case.ask(headers)
    assert headers == before


def test_many_at_once_get_their_own_answers(case: Case) -> None:
    async def main() -> list[Caller | BaseException]:
        asked = [
            case.authenticator.authenticate(case.bad if number % 3 == 0 else case.ann, "GET", f"/v2/{number}")
            for number in range(12)
        ]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(main())
    for number, answer in enumerate(answers):
        if number % 3 == 0:
            assert isinstance(answer, Unauthenticated | Unavailable)
        else:
            assert isinstance(answer, Caller)
            assert answer.project_id == case.project


def test_a_caller_shows_no_secret(case: Case) -> None:
    caller = case.ask(case.ann).asking("req-1", is_admin=True)
    assert (caller.request_id, caller.is_admin) == ("req-1", True)
    for shown in (repr(caller), str(caller), f"{caller.token}", repr(caller.token)):
        assert case.secret not in shown
        assert "http://" not in shown, "catalogues are long, and nobody's business"


def test_anybody_may_read_in_front_of_each(case: Case) -> None:
    anonymous = Case(OrAnonymous(case.authenticator), case.ann, case.bad, case.project)
    assert anonymous.ask(case.ann, "POST").project_id == case.project
    nobody = anonymous.ask(case.bad)
    assert (nobody.user_id, nobody.project_id, nobody.is_admin) == (None, None, False)
    assert nobody.roles == {"reader", "anonymous"}
    with pytest.raises(Unauthenticated):
        anonymous.ask(case.bad, "POST")


def test_a_token_and_its_catalogue_are_kept_for_asking_others(case: Case) -> None:
    if not isinstance(case.authenticator, Keystone):
        assert case.ask(case.ann).token is None
        return
    caller = case.ask(case.ann)
    assert caller.token is not None
    assert caller.token.reveal() == case.ann["x-auth-token"]
    assert caller.catalog is not None
    assert '"type": "identity"' in caller.catalog
