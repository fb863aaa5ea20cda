"""Made-up service desks, whose people word one fault in many ways: technically, as users feel it, as an alert does.

A seeded firm is told of by few; here tickets of one fault share few words, forms and greetings are shared by all, and
what is the same problem is decided once by the kind of fault alone, and once by the application it is in as well.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from engine.domain import Incident, IncidentStatus, Resolution
from training.benchmarks.suggest_data import Case

# kind: as a technician sees it; as users feel it; as a rule is called; what was done; in German
_TABLE = """
pool: connection pool exhausted on {store} | no free connections left in {store} | too many clients already \
({store}) | cannot obtain a JDBC connection from {store}; {app} hangs when saving | timeouts in {app} | orders \
cannot be stored in {app}; DBConnectionsHigh | PoolSaturation; raised the pool size to {n} and restarted {app} | \
killed idle sessions on {store}; Verbindungspool von {store} erschöpft | {app} hängt beim Speichern
disk: disk full on {host} | no space left on device {host} | filesystem /var at 100% on {host} | {store} cannot \
write, volume is full; uploads to {app} fail | error when attaching files in {app}; DiskWillFillIn4Hours | \
NodeFilesystemAlmostOutOfSpace; removed old logs on {host} and set up logrotate | extended the volume by {n} GB; \
Festplatte voll auf {host} | Hochladen in {app} geht nicht
certificate: TLS certificate of {app} expired | x509: certificate has expired ({app}) | SSL handshake to {app} \
fails; browser warns that {app} is not secure | mobile app cannot reach {app}; CertExpiry | ProbeSSLFailed; renewed \
the certificate of {app} | installed a new cert, reloaded nginx; Zertifikat von {app} abgelaufen | \
Sicherheitswarnung bei {app}
memory: {app} killed by the OOM killer on {host} | OutOfMemoryError: Java heap space in {app} | container {app} \
restarts, exit code 137; {app} disappears every few minutes | lost my session in {app} again; KubePodCrashLooping | \
ContainerOOMKilled; set the heap limit to {n} GB and rolled {app} | fixed the leak, deployed a patch of {app}; {app} \
läuft in den Speicher | {app} stürzt alle paar Minuten ab
replica: replication lag on {store} above {n} minutes | standby of {store} does not catch up | WAL replay stuck on \
{store}; reports in {app} show yesterday's numbers | {app} displays stale data; PGReplicationLag | ReplicaBehind; \
rebuilt the replica of {store} | stopped a long query on the standby; Replikation von {store} hinkt hinterher | alte \
Daten in {app}
names: name resolution for {store} fails | could not resolve host {store} | DNS lookups time out on {host}; {app} \
says host unknown | {app} does not open from the office; CoreDNSErrorsHigh | ProbeDNSFailed; restarted coredns, \
fixed the forwarder | corrected the A record of {store}; Namensauflösung für {store} schlägt fehl | {app} aus dem \
Büro nicht erreichbar
queue: consumer of {store} stopped, backlog growing | messages pile up in {store} | {n}000 unacked messages in \
{store}; confirmation mails from {app} arrive hours late | jobs in {app} stay pending; QueueBacklog | \
ConsumerLagHigh; restarted the stuck consumer, purged a poison message | scaled the workers of {app} to {n}; \
Nachrichten stauen sich in {store} | Bestätigungen aus {app} kommen Stunden zu spät
login: LDAP bind fails for {app} | directory rejects the service account of {app} | service account locked, {app} \
cannot bind; nobody can log in to {app} | password refused in {app} although correct; AuthFailuresHigh | \
LoginProbeFailed; unlocked the service account and reset its password | updated the bind password of {app}; \
Anmeldung an {app} nicht möglich | Dienstkonto von {app} gesperrt
release: {app} broken since release {n}.2 | NullPointerException in {app} after deploy | rollout of {app} failed, \
readiness probe failing; {app} shows a white page since this morning | buttons in {app} do nothing since the update; \
DeploymentReplicasMismatch | HTTP5xxAfterDeploy; rolled {app} back to the version before | reverted the migration, \
redeployed {app}; {app} seit dem Update fehlerhaft | weiße Seite in {app}
plan: missing index on {store}, full table scans | slow queries on {store} after statistics changed | CPU of {store} \
at 100% by one select; search in {app} takes a minute | list in {app} loads forever; SlowQueries | DBHighCPU; \
created an index and analyzed the tables of {store} | pinned the plan; Suche in {app} dauert ewig | langsame \
Abfragen auf {store}
clock: clock of {host} off by {n} minutes | chrony lost its sources on {host} | timestamps of {host} lie in the \
future; one-time codes refused in {app} | tokens of {app} are invalid at once; NodeClockSkew | NTPOffset; restarted \
chronyd on {host} | fixed the ntp server entry; Uhr von {host} geht falsch | Einmalcodes in {app} werden abgelehnt
backup: nightly backup of {store} failed | pg_dump of {store} exit code 1 | no recent snapshot of {store}; backup \
report is red | restore test for {app} impossible; BackupMissing | BackupJobFailed; ran the backup again after \
freeing the target | renewed the storage key for backups of {store}; Sicherung von {store} fehlgeschlagen | \
Backup-Bericht rot
firewall: firewall blocks {host} to {store} port 5432 | connection refused from {host} after rule change | ACL \
denies traffic to {store}; {app} cannot reach the warehouse | {app} export gets no answer; TCPProbeFailed | \
BlackboxConnRefused; added the missing firewall rule for {host} | rolled back the ACL change; Firewall blockiert \
{host} | Schnittstelle von {app} tot
cache: redis {store} evicts keys, memory limit reached | cache hit rate of {store} dropped | sessions evicted from \
{store}; users get logged out of {app} at random | basket in {app} suddenly empty; RedisMemoryHigh | \
CacheHitRateLow; raised maxmemory of {store} to {n} GB | changed the eviction policy; Benutzer fliegen aus {app} \
raus | Warenkorb in {app} plötzlich leer
printer: spooler on {host} stuck | print queue on {host} blocked by a job | driver of label printer missing on \
{host}; labels are not printed | delivery notes from {app} do not print; SpoolerDown | PrinterOffline; cleared the \
spooler on {host} | reinstalled the printer driver; Etiketten werden nicht gedruckt | Druckwarteschlange auf {host} \
hängt
mail: smtp relay rejects mail from {app} | outgoing mail deferred, relay blacklisted | postfix queue on {host} full; \
customers receive no mail from {app} | password reset mails of {app} never arrive; MailQueueLength | \
SMTPProbeFailed; delisted the relay, fixed SPF | restarted postfix on {host}; Kunden erhalten keine Mails von {app} \
| Rechnungen werden nicht versandt
gateway: upstream prematurely closed connection, {app} gateway | 502 from the load balancer for {app} | backends of \
{app} unhealthy in haproxy; cannot open {app}, error 502 | checkout page of {app} fails; HAProxyBackendDown | \
Gateway5xx; restarted {app} behind the balancer | raised the proxy timeout to {n}0 s; {app} zeigt Bad Gateway | \
Kasse von {app} geht nicht
lock: deadlock detected in {store} | long transaction blocks {store} | lock wait timeout exceeded in {store}; cannot \
change customer data in {app} | record is locked by another user in {app}; DBLocks | LongTransaction; terminated the \
blocking session on {store} | shortened the transaction in {app}; Sperren in {store} blockieren | Datensatz in {app} \
gesperrt
tunnel: vpn concentrator {host} out of licences | phase 2 negotiation fails on {host} | tunnel flapping at {host}; \
home office cannot connect | remote desktop drops all the time; TunnelDown | VPNSessionsMax; reset the tunnel on \
{host} | added licences to {host}; VPN-Einwahl nicht möglich | Filiale offline
drive: RAID array degraded on {host} | disk 3 in {host} failed, SMART errors | I/O errors on sdb of {host}; file \
share on {host} extremely slow | {app} sluggish all day; MDADMDegraded | SmartFailing; replaced the failed drive in \
{host} | rebuilt the array; Platte in {host} defekt | RAID auf {host} degradiert
"""
_APPS = ("shop", "billing", "crm", "warehouse", "portal", "tracker", "payroll", "intranet", "booking", "claims")
_STORES = (
    "orders-db", "crm-db", "redis-main", "rabbit-1", "ldap-1", "stock-db", "files-nas", "kafka-a", "auth-cache",
    "report-db",
)  # fmt: skip
_HOSTS = tuple(f"srv-{site}{number:02}" for site in ("ams", "fra", "lon") for number in range(1, 9))
_REMARKS = (
    "Started around {clock}.", "Please check, urgent.", "Several people are affected.", "Was working yesterday.",
    "No known change.", "Priority set by the desk.", "Tried a restart, no effect.", "Screenshot attached.",
    "Caller: ext. {n}{n}1.", "Called twice already.",
)  # fmt: skip
_GERMAN_REMARKS = ("Seit ca. {clock}.", "Bitte dringend prüfen.", "Mehrere Kollegen betroffen.", "Neustart half nicht.")
_FORM = """Affected service: {app}
Business impact: work of the department is impeded
Number of users: {n}
Steps already taken: rebooted the workstation, cleared the browser cache
Problem: {problem}
This ticket was created through the self service portal. Please do not reply to this message. Confidentiality notice: \
the information in this ticket is intended only for the service desk and may contain privileged information."""
_ALERT = """Labels:
 - alertname = {rule}
 - instance = {host}.prod.example.com:9100
 - pod = {app}-{pod:08x}
Annotations:
 - summary = {seen}
Source: http://prometheus.example.com/graph?g0.expr={expr:x}"""
_PAGE = "<html><body><div><p>{seen}</p><br/>{remarks}&nbsp;<table><tr><td>{app}</td></tr></table></div></body></html>"
_USELESS = ("done", "fixed", "ok now", "restarted", "user confirmed, closing")
_CATEGORIES = ("software", "network", "other", "")
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
_DAYS = 730
_ASKED_FROM = 0.75  # share of the time after which tickets are questions


@dataclass(frozen=True)
class _Kind:
    """The ways in which one kind of fault is told."""

    name: str
    seen: tuple[str, ...]
    felt: tuple[str, ...]
    rules: tuple[str, ...]
    fixes: tuple[str, ...]
    german: tuple[str, ...]


@dataclass(frozen=True)
class _Fault:
    """A kind of fault in a place."""

    kind: _Kind
    app: str
    store: str
    host: str


class _Telling:
    """One telling of one fault."""

    def __init__(self, fault: _Fault, chance: Random) -> None:
        self.kind = fault.kind
        self.chance = chance
        self.told: dict[str, object] = {"app": fault.app, "store": fault.store, "host": fault.host}
        self.told |= {"n": chance.randint(2, 9), "clock": f"{chance.randrange(24):02}:{chance.randrange(60):02}"}

    def one(self, ways: tuple[str, ...]) -> str:
        """One of the ways, about this fault."""
        return self.chance.choice(ways).format(**self.told)

    def remarks(self, of: tuple[str, ...] = _REMARKS) -> str:
        """None to three sentences that say nothing."""
        return " ".join(self.one(of) for _ in range(self.chance.randint(0, 3)))


def _technical(of: _Telling) -> tuple[str, str]:
    return of.one(of.kind.seen), f"{of.one(of.kind.seen)}. {of.remarks()}"


def _felt(of: _Telling) -> tuple[str, str]:
    return of.one(of.kind.felt), f"{of.remarks()} {of.one(of.kind.felt)}"


def _felt_and_seen(of: _Telling) -> tuple[str, str]:
    return of.one(of.kind.felt), f"{of.one(of.kind.seen)}. {of.remarks()}"


def _german(of: _Telling) -> tuple[str, str]:
    return of.one(of.kind.german), of.remarks(_GERMAN_REMARKS)


def _terse(of: _Telling) -> tuple[str, str]:
    return of.one(of.chance.choice((of.kind.felt, of.kind.seen))), ""


def _page(of: _Telling) -> tuple[str, str]:
    seen = html.escape(of.one(of.kind.seen))
    return of.one(of.kind.felt), _PAGE.format(seen=seen, remarks=of.remarks(), **of.told)


def _form(of: _Telling) -> tuple[str, str]:
    problem = of.one(of.chance.choice((of.kind.felt, of.kind.seen)))
    title = of.chance.choice((f"Ticket from portal: {of.told['app']}", problem))
    return title, _FORM.format(problem=problem, **of.told)


def _alert(of: _Telling) -> tuple[str, str]:
    rule, bits = of.one(of.kind.rules), of.chance.getrandbits
    title = f"[FIRING:{of.chance.randint(1, 4)}] {rule} ({of.told['app']} {of.told['host']}.prod.example.com:9100)"
    return title, _ALERT.format(rule=rule, seen=of.one(of.kind.seen), pod=bits(32), expr=bits(64), **of.told)


def _any(of: _Telling) -> tuple[str, str]:
    return of.chance.choice(_STYLES)(of)


_STYLES: tuple[Callable[[_Telling], tuple[str, str]], ...] = (
    _technical, _felt, _felt_and_seen, _german, _terse, _page, _form, _alert,
)  # fmt: skip
STYLES = {
    "mixed": _any,
    "felt": _felt,
    "felt and seen": _felt_and_seen,
    "German": _german,
    "terse": _terse,
    "pages": _page,
    "forms": _form,
    "alerts": _alert,
}


def desk_case(
    seed: int, style: str = "mixed", *, size: int = 600, by_place: bool = False, service: float = 0.7
) -> Case:
    """A desk of `size` tickets that tells in one of `STYLES`: those of the last quarter of its time are asked.

    Parameters
    ----------
    by_place
        Whether the same problem means the same application as well as the same kind of fault.
    service
        Share of the tickets that name their application as service, 0..1.
    """
    chance = Random(f"{seed}:{style}")
    faults = list(_faults(max(10, size // 30), chance))
    weights = [1 / (3 + rank) for rank in range(len(faults))]
    drawn = chance.choices(faults, weights, k=size)
    opened = sorted(_BEGIN + timedelta(days=chance.random() * _DAYS) for _ in range(size))
    problems = {(fault.kind.name, fault.app if by_place else "") for fault in faults}
    unknown = set(sorted(problems)[::5])  # to the desk, until it is asked about them
    history: list[Incident] = []
    of_problem: dict[tuple[str, str], set[str]] = {}
    queries, new, relevant = [], [], {}
    for place, (at, fault) in enumerate(zip(opened, drawn, strict=True)):
        one = _ticket(f"INC{place:05}", at, fault, style, service, chance)
        problem = (fault.kind.name, fault.app if by_place else "")
        if at < _BEGIN + timedelta(days=_ASKED_FROM * _DAYS):
            if problem not in unknown:
                history.append(one)
                of_problem.setdefault(problem, set()).add(one.id)
        elif problem in of_problem:
            queries.append(replace(one, resolution=None, closed_at=None, status=IncidentStatus.OPEN))
            relevant[one.id] = of_problem[problem]
        else:
            new.append(replace(one, resolution=None, closed_at=None, status=IncidentStatus.OPEN))
    name = f"made-up desk {seed}, {style}{', in the same application' if by_place else ''}"
    return Case(name=name, history=history, queries=queries, relevant=relevant, new=new)


def _faults(count: int, chance: Random) -> Iterator[_Fault]:
    kinds = list(_kinds())
    for _ in range(count):
        yield _Fault(chance.choice(kinds), chance.choice(_APPS), chance.choice(_STORES), chance.choice(_HOSTS))


def _kinds() -> Iterator[_Kind]:
    for line in _TABLE.strip().splitlines():
        name, told = line.split(": ", 1)
        yield _Kind(name, *(tuple(way.strip() for way in ways.split(" | ")) for ways in told.split("; ")))


def _ticket(name: str, at: datetime, fault: _Fault, style: str, service: float, chance: Random) -> Incident:
    telling = _Telling(fault, chance)
    title, body = STYLES[style](telling)
    closed = at + timedelta(hours=chance.lognormvariate(1, 1))
    done = chance.choice(_USELESS) if chance.random() < 0.1 else telling.one(fault.kind.fixes)
    return Incident(
        id=name,
        opened_at=at,
        closed_at=closed,
        title=title,
        description=body if chance.random() < 0.8 else "",
        service=fault.app if chance.random() < service else "",
        category=chance.choice(_CATEGORIES),
        priority=f"P{chance.randint(1, 4)}",
        status=IncidentStatus.RESOLVED,
        resolution=Resolution(text=done, resolver=f"person-{chance.randint(1, 9)}", resolved_at=closed),
    )
