"""Makes the lists of all marked users in this process, and prints what it took as JSON."""

import json
import resource
import time

import django

django.setup()

from recommendations.recommender import refresh, snapshot  # noqa: E402 - needs the apps

snapshot.current()
started, cpu = time.perf_counter(), time.process_time()
done = refresh.refresh_changed(seconds=3600)
print(
    json.dumps(
        {
            "users": done.users,
            "lists": done.lists,
            "seconds": time.perf_counter() - started,
            "cpu": time.process_time() - cpu,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
