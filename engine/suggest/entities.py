"""What people and tools write on purpose: exceptions, error codes, host roles, commands, out of any text."""

from __future__ import annotations

import re

_EXCEPTION = re.compile(r"\b[A-Z]\w*?(?:Exception|Error|Failure|Fault|Timeout)\b")
_CODE = re.compile(r"\b(?:[A-Z]{2,10}[-_]\d{2,6}|E[A-Z]{4,14}|SIG[A-Z]{3,5}|0x[0-9a-fA-F]{8})\b")
_NUMBERED = re.compile(r"\b(?:error|errno|code|status|http|https|exit|rc|sqlstate|returned?)\W{0,3}(\d{1,5})\b", re.I)
_HOST = re.compile(r"(?<![\w.-])([a-z][a-z]*(?:-[a-z]+){0,4})-?\d{1,4}(?:[.-][a-z0-9-]+)*(?![\w-])")
_QUOTED = re.compile(r"`([^`\n]{3,300})`|\{\{([^{}\n]{3,300})\}\}")
_PROMPT = re.compile(r"^\s*(?:[\w@.~:/-]{0,60}[$%]|sudo)\s+(?=\S)")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\(?\d{1,2}[.)])\s+")
_TOOLS = frozenset(
    re.findall(
        r"\S+",
        """
        ansible ansible-playbook apt apt-get aws az bash brctl cat ceph certbot chmod chown cp crictl crontab curl
        date dd df dig dmesg dnf docker docker-compose du etcdctl ethtool fdisk find free fsck fstrim fuser gcloud git
        grep gunzip gzip hdfs helm ifconfig influx initctl iostat ip ipmitool iptables java jcmd jmap journalctl jps
        jstack kafka-topics kill killall kinit kubectl ldapsearch ln logrotate ls lsof lvextend lvs mkdir mongo mongosh
        mount mv mysql mysqladmin nft nginx nodetool npm nslookup ntpdate oc openssl patronictl pg_ctl pg_dump
        pgbouncer ping pip pkill podman ps psql pvs rabbitmqctl redis-cli renice repmgr resize2fs rm rsync scp sed
        service sh sqlplus ss ssh stat strace su supervisorctl swapoff swapon sync sysctl systemctl tail tar tcpdump
        telnet terraform timedatectl top touch traceroute truncate umount unzip uptime varnishadm vgextend vmstat wget
        xfs_growfs yarn yum zfs zkcli zpool
        """,
    )
)
_SUBCOMMANDS = frozenset(
    re.findall(
        r"\S+",
        """
        apply backup build cancel clean create delete describe drain exec failover get install list logs patch prune
        purge reload remove repair restart resume rollback rollout scale show start status stop top uncordon undo
        update upgrade vacuum
        """,
    )
)
_SQL = re.compile(
    r"^(?:select\b.+\bfrom\b|select\s+\w+\(|update\s+\w+\s+set\b|delete\s+from\b|insert\s+into\b"
    r"|(?:alter|create|drop)\s+(?:table|index|user|role|database|system)\b|vacuum\b|analyze\b|reindex\b|truncate\s+table)",
    re.IGNORECASE,
)


def codes(text: str) -> list[str]:
    """Exceptions and error codes of `text`, lower-cased; numbers only where a word says that they are a code.

    Examples
    --------
    >>> codes("java.io.IOException: ORA-12514, then ECONNREFUSED and HTTP 503 for 4000 users")
    ['ioexception', 'ora-12514', 'econnrefused', '503']
    """
    found = [*_EXCEPTION.findall(text), *_CODE.findall(text), *_NUMBERED.findall(text)]
    return [code.lower() for code in found]


def roles(text: str) -> list[str]:
    """What numbered hosts of `text` are for: their names without number and domain.

    Examples
    --------
    >>> roles("db-01.example.org lags behind kafka-broker-2 (web7 is fine)")
    ['db', 'kafka-broker', 'web']
    """
    return _HOST.findall(text)


def commands(text: str) -> list[str]:
    """Commands of `text` as they were written, each once: quoted, after a prompt, or begun by a known tool.

    Examples
    --------
    >>> commands("Restarted it: `systemctl restart nginx`. Then\\n$ kubectl rollout restart deploy/web\\nand waited")
    ['systemctl restart nginx', 'kubectl rollout restart deploy/web']
    """
    found: list[str] = []
    for line in text.splitlines():
        quoted = [one or other for one, other in _QUOTED.findall(line)]
        found += [each for each in quoted if is_command(each)]
        bare = _BULLET.sub("", line)
        if _PROMPT.match(bare) or (not quoted and is_command(bare)):
            found.append(_PROMPT.sub("", bare) if "sudo" not in bare else bare.lstrip("$% "))
    return list(dict.fromkeys(each.strip() for each in found))


def is_command(line: str) -> bool:
    """Whether `line` is something to type rather than a sentence that begins with the name of a tool.

    Examples
    --------
    >>> [is_command(line) for line in ("git revert 3f2a", "service was down again", "df -h /var", "kill switch used")]
    [True, False, True, False]
    """
    parts = line.strip().rstrip(";").split()
    if _SQL.match(line.strip()):
        return True
    if len(parts) < 2 or parts[0].rsplit("/", 1)[-1] not in _TOOLS:
        return False
    telling = [part for part in parts[1:] if part[0] in "-/.$'\"" or re.search(r"[=/|:@]|\d", part) or "_" in part]
    if parts[0] == "service":
        return len(parts) == 3 and parts[2] in _SUBCOMMANDS
    return bool(telling) or parts[1] in _SUBCOMMANDS


def kinds_of_command(text: str) -> list[str]:
    """Which tools `text` uses and what for: the first two words of its commands.

    Examples
    --------
    >>> kinds_of_command("sudo systemctl restart nginx")
    ['systemctl restart']
    """
    heads = [line.removeprefix("sudo ").split()[:2] for line in commands(text)]
    return [" ".join(head).lower() for head in heads]
