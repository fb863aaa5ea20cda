"""Fault kinds of applications: web front ends and the services behind them."""

from __future__ import annotations

from training.firm.kinds import FaultKind, on_host, on_service

KINDS: tuple[FaultKind, ...] = (
    FaultKind(
        "bad_deploy",
        "api",
        "application",
        "releases",
        "errors",
        0.5,
        (
            on_service("http_5xx", "{n}% of requests to {service} answer 5xx", "c", 40, 0.95),
            on_service("exceptions", "New exception NullPointerException in {service}", "e", 25, 0.7),
            on_service("pod_restarts", "{service} restarted {n} times in 10 minutes", "w", 90, 0.5),
        ),
        (
            "{service} broken since the release",
            "500 errors in {caller} after deployment",
            "new version of {service} throws exceptions",
        ),
        (
            "Rolled back {service} to the previous release (kubectl rollout undo), ticket for developers made",
            "Rollback of today's deploy. Cause: null value in a new field",
            "Reverted release {n}.2 and redeployed; errors gone within two minutes",
        ),
    ),
    FaultKind(
        "memory_leak",
        "api",
        "application",
        "java",
        "slow",
        1.5,
        (
            on_service("heap_used", "Heap of {service} at {n}%", "w", 20, 0.9),
            on_service("gc_pause", "GC pauses of {service} take {n} s per minute", "e", 150, 0.7),
            on_host("memory_high", "Memory {n}% used on {host}", "w", 60, 0.7),
            on_service("oom_killed", "{service} was OOM-killed", "c", 600, 0.5),
        ),
        (
            "{service} gets slower and slower",
            "java.lang.OutOfMemoryError: Java heap space in {service}",
            "{caller} freezes every few minutes",
        ),
        (
            "Took a heap dump, restarted {service}, raised -Xmx to {n} GB until the fix is out",
            "Leak in the session cache: restarted all instances, patch scheduled",
            "systemctl restart {service}; unbounded cache limited to 10,000 entries",
        ),
    ),
    FaultKind(
        "thread_starvation",
        "api",
        "application",
        "java",
        "slow",
        0.7,
        (
            on_service("threads_busy", "All {n} worker threads of {service} are busy", "c", 20, 0.9),
            on_service("request_queue", "{n} requests waiting in {service}", "e", 45, 0.7),
        ),
        ("{caller} gives timeouts", "{service} does not answer although it is up", "health check of {service} flaps"),
        (
            "Threads were all waiting for a slow partner call: set a read timeout of 3 s and restarted {service}",
            "Thread dump showed a blocked pool. Raised maxThreads to {n} and put a bulkhead around the call",
        ),
    ),
    FaultKind(
        "file_descriptors",
        "api",
        "application",
        "linux",
        "errors",
        0.6,
        (
            on_service("open_files", "{service} uses {n}% of its file descriptors", "e", 15, 0.8),
            on_service("exceptions", "Too many open files in {service}", "e", 40, 0.8),
        ),
        ("Too many open files ({service})", "{service} refuses connections, accept() fails"),
        (
            "LimitNOFILE raised to 65536 in the unit of {service}, daemon-reload and restart",
            "Sockets leaked in CLOSE_WAIT; restarted {service}, client library updated",
        ),
    ),
    FaultKind(
        "config_error",
        "api",
        "application",
        "releases",
        "down",
        0.5,
        (
            on_service("crash_loop", "{service} in crash loop", "c", 20, 0.9),
            on_service("replicas", "{service} has 0 of {n} replicas", "c", 45, 0.8),
        ),
        (
            "{service} does not start any more",
            "CrashLoopBackOff {service}",
            "{caller} completely down after config change",
        ),
        (
            "Typo in the config map: corrected the variable and restarted {service}",
            "Feature flag file was invalid YAML. Restored the last version from git, {service} started",
        ),
    ),
    FaultKind(
        "expired_credentials",
        "api",
        "security",
        "security",
        "errors",
        0.9,
        (
            on_service(
                "auth_failures", "{n} authentication failures per minute from {service} to {peer}", "e", 15, 0.9
            ),
            on_service("http_5xx", "{n}% of requests to {service} answer 5xx", "c", 60, 0.8),
        ),
        (
            "{service} cannot log on to {peer}",
            "401 Unauthorized in {caller}",
            "password authentication failed for user app ({peer})",
        ),
        (
            "Service account password had expired; rotated the secret in vault and restarted {service}",
            "API token renewed, set not to expire before next year, secret synced to all nodes",
        ),
    ),
    FaultKind(
        "third_party_down",
        "api",
        "external",
        "integrations",
        "slow",
        2.0,
        (
            on_service("upstream_errors", "Calls from {service} to the partner API fail: {n}%", "e", 20, 0.9),
            on_service("circuit_open", "Circuit breaker of {service} open", "w", 50, 0.7),
        ),
        ("Payments fail at the provider", "partner interface gives 503 ({service})", "shipping labels cannot be made"),
        (
            "Outage at the provider, see their status page. Switched {service} to the fallback provider",
            "Waited for the partner to recover, replayed the {n} failed messages afterwards",
            "Partner changed their certificate chain without notice; updated the trust store of {service}",
        ),
    ),
    FaultKind(
        "rate_limited",
        "api",
        "external",
        "integrations",
        "errors",
        0.8,
        (
            on_service("upstream_429", "Partner answers 429 to {service}, {n} per minute", "w", 15, 0.9),
            on_service("retry_storm", "Retries of {service} up {n} times", "w", 60, 0.6),
        ),
        ("429 Too Many Requests from the partner", "{service} is being throttled"),
        (
            "Retry loop without backoff hit the quota: deployed exponential backoff, asked for a higher limit",
            "Lowered the polling interval of {service} to once in {n} s, quota is enough again",
        ),
    ),
    FaultKind(
        "certificate_expired",
        "web",
        "security",
        "security",
        "down",
        0.7,
        (
            on_service("tls_expired", "TLS certificate of {service} has expired", "c", 20, 0.95),
            on_service("probe_failed", "https probe of {service} fails: x509 certificate has expired", "c", 40, 0.8),
        ),
        (
            "Browser says connection is not private on {service}",
            "certificate expired {service}",
            "customers get a security warning",
        ),
        (
            "Renewed the certificate with certbot renew --force-renewal and reloaded nginx",
            "ACME challenge was blocked by the new firewall rule: opened port 80, renewed, reload",
            "Ordered and installed a new certificate for {service}, added expiry check at 21 days",
        ),
    ),
    FaultKind(
        "load_balancer_misroute",
        "web",
        "network",
        "network",
        "errors",
        0.8,
        (
            on_service("backend_down", "{n} backends of {service} are marked down", "e", 15, 0.9),
            on_service("http_5xx", "{n}% of requests to {service} answer 502", "c", 40, 0.8),
        ),
        ("502 Bad Gateway on {service}", "some customers reach {service}, some do not", "sticky sessions lost"),
        (
            "Health check path had changed; corrected it in haproxy.cfg and reloaded",
            "Drained the bad node from the load balancer and put it back after the restart",
            "haproxy backend pointed at the old address, fixed and reloaded",
        ),
    ),
    FaultKind(
        "traffic_spike",
        "web",
        "capacity",
        "releases",
        "slow",
        1.0,
        (
            on_service("request_rate", "{service} receives {n}00 requests per second", "w", 15, 0.85),
            on_host("cpu_high", "CPU {n}% on {host}", "w", 60, 0.8),
            on_service("latency", "p99 latency of {service} is {n} s", "e", 80, 0.8),
        ),
        ("site very slow, campaign running?", "{service} overloaded by crawlers", "bots on {service}"),
        (
            "Scaled {service} out to {n} instances, will scale in tonight",
            "Blocked the crawler's address range at the edge and enabled rate limiting",
            "Put the landing page behind the CDN cache, load back to normal",
        ),
    ),
)
