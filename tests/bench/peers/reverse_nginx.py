"""Becomes an nginx, one process, that passes requests on to the origin of the argument."""

import os
import socket
import sys
import tempfile
import time

CONFIG = """master_process off; daemon off; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}/a;
  proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;
  upstream origin {{ server {origin}; keepalive 64; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://origin;
    proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr; }} }} }}
"""

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
folder = tempfile.mkdtemp(prefix="portside-bench-")
config = os.path.join(folder, "conf")
origin = sys.argv[1].removeprefix("http://").rstrip("/")
with open(config, "w") as file:
    file.write(CONFIG.format(dir=folder, port=port, origin=origin))
if os.fork() == 0:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.02)
    print(f"listening on http://127.0.0.1:{port}", flush=True)
    os._exit(0)
os.execvp("nginx", ["nginx", "-e", "stderr", "-c", config])
