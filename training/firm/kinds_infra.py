"""Fault kinds of hosts, racks and the network, and the table of all kinds."""

from __future__ import annotations

from training.firm import kinds_apps, kinds_data
from training.firm.kinds import FaultKind, on_host, on_service

KINDS: tuple[FaultKind, ...] = (
    FaultKind(
        "dns_failure",
        "rack",
        "network",
        "network",
        "errors",
        0.8,
        (
            on_service("dns_errors", "SERVFAIL for {n}% of queries at resolver of {service}", "c", 15, 0.85),
            on_host("dns_lookup", "Name resolution fails on {host}", "e", 50, 0.5),
        ),
        ("Temporary failure in name resolution everywhere", "hosts unknown, dns?", "nothing resolves in {service}"),
        (
            "unbound had crashed on the resolver; restarted it and added a second nameserver to resolv.conf",
            "Zone transfer was broken after the serial mistake: fixed the zone, rndc reload",
        ),
    ),
    FaultKind(
        "network_partition",
        "rack",
        "network",
        "network",
        "down",
        1.2,
        (
            on_service("switch_port", "Uplink of {service} is down", "c", 5, 0.85),
            on_host("host_unreachable", "{host} is unreachable", "c", 45, 0.85),
            on_service("packet_loss", "{n}% packet loss to {service}", "e", 25, 0.6),
        ),
        ("half of the servers unreachable", "network problem in {service}", "{caller} and others down at once"),
        (
            "Bad optic in the uplink: swapped the SFP, link up, no more CRC errors",
            "Spanning tree loop after the recabling in the rack. Removed the cable, ports enabled again",
            "Switch firmware hung; power-cycled it on site and scheduled the upgrade",
        ),
    ),
    FaultKind(
        "power_feed",
        "rack",
        "facility",
        "facility",
        "down",
        2.5,
        (
            on_service("ups_battery", "UPS of {service} on battery, {n} minutes left", "c", 3, 0.9),
            on_host("host_unreachable", "{host} is unreachable", "c", 60, 0.75),
            on_host("psu_failed", "Power supply 2 failed on {host}", "w", 15, 0.6),
        ),
        ("power failure in the server room", "UPS beeps, {service} lost a feed"),
        (
            "Breaker of feed B tripped. Electrician reset it, servers booted in order: storage, db, apps",
            "Replaced the UPS battery pack and moved {n} servers to the other feed",
        ),
    ),
    FaultKind(
        "storage_fabric",
        "rack",
        "storage",
        "storage",
        "slow",
        2.0,
        (
            on_service("san_latency", "Storage latency in {service} is {n} ms", "e", 10, 0.9),
            on_host("disk_latency", "Disk await {n} ms on {host}", "w", 50, 0.6),
        ),
        ("All virtual machines slow", "storage latency in {service}", "databases and files slow at once"),
        (
            "One storage controller was overloaded: failed over to the other node, firmware update planned",
            "Snapshot deletion saturated the array. Paused it, latency normal after ten minutes",
        ),
    ),
    FaultKind(
        "host_crash",
        "api",
        "hardware",
        "linux",
        "errors",
        1.5,
        (
            on_host("host_unreachable", "{host} is unreachable", "c", 30, 0.95),
            on_host("host_rebooted", "{host} was rebooted {n} s ago", "w", 400, 0.5),
        ),
        ("{host} is gone", "server {host} down, no ping", "kernel panic on {host}?"),
        (
            "Hard reset of {host} through iDRAC, kernel panic in the logs, kernel updated",
            "Memory module failed: replaced DIMM A{n}, {host} back in the cluster",
            "Hypervisor had crashed. Moved the VM to another node and started it",
        ),
    ),
    FaultKind(
        "noisy_neighbour",
        "api",
        "capacity",
        "linux",
        "slow",
        1.0,
        (
            on_host("cpu_steal", "CPU steal {n}% on {host}", "w", 20, 0.8),
            on_host("load_high", "Load average {n} on {host}", "w", 50, 0.8),
        ),
        ("{service} slow but nothing changed", "another VM eats {host}"),
        (
            "Another container took all CPU of {host}: set limits (cpu: {n}) and moved it to its own node",
            "Live-migrated the noisy VM to a free hypervisor; steal back to 0%",
        ),
    ),
    FaultKind(
        "kernel_oom",
        "api",
        "hardware",
        "linux",
        "errors",
        0.7,
        (
            on_host("oom_kill", "Out of memory: killed process {n}42 on {host}", "c", 5, 0.9),
            on_host("swap_used", "Swap {n}% used on {host}", "w", 15, 0.6),
            on_service("process_missing", "Process of {service} not running", "c", 40, 0.8),
        ),
        ("{service} process disappeared on {host}", "oom-killer on {host}"),
        (
            "A report job without limit ate the memory; restarted {service}, set MemoryMax for the job",
            "Added {n} GB to the VM and lowered shared_buffers, OOM gone",
        ),
    ),
    FaultKind(
        "clock_skew",
        "api",
        "hardware",
        "linux",
        "errors",
        0.8,
        (
            on_host("ntp_offset", "Clock of {host} is off by {n} s", "w", 20, 0.9),
            on_service("auth_failures", "Token not yet valid: {n} failures per minute in {service}", "e", 60, 0.7),
        ),
        ("JWT errors, token used before issued", "logins fail on {host} only", "times in the logs of {host} are wrong"),
        (
            "chronyd was not running on {host}: enabled it and stepped the clock (chronyc makestep)",
            "NTP blocked by the firewall after the change, rule added, offset now 2 ms",
        ),
    ),
    FaultKind(
        "log_flood",
        "api",
        "storage",
        "linux",
        "slow",
        0.8,
        (
            on_host("disk_space", "Filesystem /var on {host} has {n}% left", "w", 30, 0.9),
            on_host("log_rate", "{n}000 log lines per second on {host}", "w", 10, 0.7),
        ),
        ("log partition of {host} is filling", "debug logging left on in {service}?"),
        (
            "Debug logging was still on: set {service} back to INFO and truncated the log",
            "journald limited to SystemMaxUse={n}G, vacuumed, disk at 40%",
        ),
    ),
    FaultKind(
        "firewall_change",
        "api",
        "network",
        "network",
        "down",
        0.8,
        (
            on_service("connect_refused", "{service} cannot reach {peer}: connection timed out", "c", 20, 0.9),
            on_service("http_5xx", "{n}% of requests to {service} answer 5xx", "e", 50, 0.7),
        ),
        ("{service} cannot connect to {peer} since the change", "port closed between {service} and {peer}?"),
        (
            "Firewall change dropped the port; rule restored and change documented",
            "Security group lost the reference to {service}: added again, connection fine",
        ),
    ),
)

ALL_KINDS: tuple[FaultKind, ...] = kinds_data.KINDS + kinds_apps.KINDS + KINDS
