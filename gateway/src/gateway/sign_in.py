"""GET and POST /sign-in, POST /sign-out: how operators get at their pages with a browser.

The secret is typed in once, and the browser gets a cookie for it (`sessions`). The pages themselves are for reading
only, so these are the only forms, and both must come from a page of ours.
"""

import math
import re
import time
from typing import Final
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, Response, g, request
from markupsafe import Markup

from chassis import problems as answers
from chassis.problems import Problem
from gateway import bodies, frame, operators, refusals, sessions
from gateway.auth import RETRY_AFTER_S
from gateway.ledger import Ledger, LedgerDown, Limit
from gateway.operators import Shown
from gateway.settings import Settings

ATTEMPTS: Final = Limit("/sign-in", per_minute=10, burst=10)
"""For all who try, together: who they are, only the edge can know. No client has a name like this."""
_MAX_FORM: Final = 8_192
_MAX_FIELDS: Final = 8
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_SAME_ORIGIN: Final = "same-origin"
_NEXT: Final = re.compile(
    r"/(?:prefetch-doctor|trace|report(?:\.csv)?|studio)(?:/[A-Za-z0-9-][A-Za-z0-9._-]*)*(?:\?[A-Za-z0-9._~%=&+-]{0,200})?"
)
"""Where a sign-in may lead: to a page for operators, here."""
_FIRST: Final = "/trace"
_TITLE: Final = "Sign in"

_FORM: Final = Markup("""<p class="opening">This page is for the operators of this service.</p>
{why}<form class="sign-in" method="post" action="{up}sign-in">{next}
<input type="text" name="username" value="operator" autocomplete="username" hidden>
<label>Operators' token<input name="token" type="password" autocomplete="current-password" required
aria-describedby="about"></label>
<button type="submit">Sign in</button>
</form>
<p class="note" id="about">It is the secret in the file that <code>OPERATOR_TOKEN_FILE</code> of the gateway names. The
sign-in holds for {minutes} minutes, in this browser only.</p>
{again}""")
_WHY: Final = Markup('<p class="refused" role="alert">{}</p>\n')
_NEXT_FIELD: Final = Markup('\n<input type="hidden" name="next" value="{}">')
_AGAIN: Final = Markup("""<p class="note">A link on another site has led here, and then no browser says that you have
signed in. If you have: <a href="">open the page</a>.</p>""")
_SIGNED_IN: Final = Markup("""<p class="opening">You have signed in: the pages for operators are above.</p>
<form class="sign-out" method="post" action="sign-out"><button type="submit">Sign out</button></form>""")
_CANNOT: Final = Markup('<p class="opening">{}</p>\n<p class="note">Request id: <code>{}</code></p>')


def blueprint(settings: Settings, ledger: Ledger) -> Blueprint:
    """The routes.

    Args:
        settings: of the gateway.
        ledger: counts the attempts, for all workers and replicas together.
    """
    views = Blueprint("sign-in", __name__)
    known = settings.trust.operator_tokens
    secure = is_secure(settings)
    views.register_error_handler(Problem, refused)

    @views.before_request
    def switched_on() -> None:
        if not known:
            raise refusals.operators_off()

    @views.get("/sign-in")
    def form() -> Response:
        """Where the secret is typed in."""
        if operators.is_one(shown(settings), known, time.time(), try_out=False):
            g.operator = True
            return frame.page(_TITLE, _SIGNED_IN)
        return _form()

    @views.post("/sign-in")
    def sign_in() -> Response:
        """A cookie for the right secret, and on to the page that was asked for."""
        body = bodies.receive(_MAX_FORM)
        _check_origin(settings)
        sent = _fields(body)
        g.next = _safe(sent.get("next") or _page_before(settings))
        if not settings.try_out:
            _charge(ledger)
        secret = operators.found(sent.get("token", ""), known)
        if secret is None:
            raise refusals.wrong_operator_token()
        response = _led_to(g.next)
        sessions.give(response, sessions.begun(secret), secure=secure)
        return response

    @views.post("/sign-out")
    def sign_out() -> Response:
        """The browser forgets the cookie."""
        bodies.receive(_MAX_FORM)
        _check_origin(settings)
        response = _led_to("/sign-in")
        sessions.take(response, secure=secure)
        return response

    return views


def is_secure(settings: Settings) -> bool:
    """Whether browsers reach us by https."""
    return settings.public_url.startswith("https://")


def shown(settings: Settings) -> Shown:
    """What the request at hand shows of who makes it."""
    return Shown(
        authorization=request.headers.get("Authorization"),
        session=request.cookies.get(sessions.name(secure=is_secure(settings))),
        peer=request.environ.get("REMOTE_ADDR"),
    )


def refused(problem: Problem) -> Response:
    """A refusal as whoever asks can read it: an OperationOutcome for programs, for browsers a page; where a secret is
    missing or wrong, the page to type it in."""
    g.problem_code = problem.outcome()["issue"][0]["code"]
    g.problem_words = problem.words
    if not frame.wanted():
        response = answers.answer(problem)
    elif problem.status == 401:
        response = _form(problem)
    else:
        response = cannot(problem.status, problem.words)
    response.headers.update(problem.headers)
    response.vary.update(("Accept", "Cookie"))
    return response


def cannot(status: int, words: str) -> Response:
    """The page in place of one that cannot be shown."""
    made = frame.page(
        "This page cannot be shown", _CANNOT.format(words, g.get("request_id", "")), status=status, depth=_depth()
    )
    made.vary.update(("Accept", "Cookie"))
    return made


def _form(problem: Problem | None = None) -> Response:
    """The page to sign in, where somebody has tried with why it is there again.

    In place of another page it repeats nothing of the address: where to lead, the browser says with the form.
    """
    nothing, tried = Markup(""), request.method == "POST"
    strange = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    body = _FORM.format(
        why=_WHY.format(problem.words) if problem is not None and tried else nothing,
        up="../" * _depth(),
        next=_NEXT_FIELD.format(g.next) if "next" in g else nothing,
        minutes=sessions.LASTS_S // 60,
        again=_AGAIN if strange and problem is not None and not tried else nothing,
    )
    return frame.page(_TITLE, body, status=problem.status if problem is not None else 200, depth=_depth())


def _depth() -> int:
    return request.path.count("/") - 1


def _safe(next_: str) -> str:
    """`next_`, if it is a page for operators; else the first of these."""
    return next_ if _NEXT.fullmatch(next_) else _FIRST


def _page_before(settings: Settings) -> str:
    """The page in whose place the form was, without the path under which we are reached, if the browser says so."""
    try:
        before = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return ""
    path = before.path.removeprefix(urlsplit(settings.public_url).path)
    return f"{path}?{before.query}" if before.query else path


def _led_to(path: str) -> Response:
    """The answer that leads to another page here. It is relative, for we may be reached under a longer path."""
    return Response(status=303, headers={"Location": f".{path}", "Cache-Control": "no-store"})


def _fields(body: bytes) -> dict[str, str]:
    if request.mimetype != _FORM_TYPE:
        raise Problem(415, f"The Content-Type must be {_FORM_TYPE}, as a form has it.")
    try:
        read = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        raise Problem(400, "The form cannot be read.") from None
    return {name: values[0] for name, values in read.items() if len(values) == 1}


def _check_origin(settings: Settings) -> None:
    """See that a form comes from a page of ours. Every browser says so in one of these headers.

    Raises:
        Problem: 403.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "")
    if site is not None:
        ours = site == _SAME_ORIGIN
    else:
        own = urlsplit(settings.public_url)
        ours = origin == f"{own.scheme}://{own.netloc}" or origin == f"{own.scheme}://{request.host}"
    if not ours:
        raise refusals.from_another_site()


def _charge(ledger: Ledger) -> None:
    try:
        verdict = ledger.charge(ATTEMPTS, time.time())
    except LedgerDown:
        raise refusals.ledger_down_for_operators(RETRY_AFTER_S) from None
    if not verdict.let_in:
        raise refusals.signs_in_too_often(math.ceil(verdict.wait_s))
