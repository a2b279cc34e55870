"""Runs nginx (an origin with a small answer and a file of 200 MB) or tinyproxy until it is ended."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SIZE = 200 * 1024 * 1024
NGINX = """worker_processes 1; daemon off; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}/a;
  proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;
  server {{ listen 127.0.0.1:{port}; location = /small {{ default_type text/plain;
    return 200 "{small}"; }} location / {{ root {dir}; }} }} }}
"""
TINYPROXY = """Port {port}
Listen 127.0.0.1
Allow 127.0.0.1
MaxClients 500
LogLevel Critical
"""

kind = sys.argv[1]
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
folder = tempfile.mkdtemp(prefix="portside-bench-")
os.chmod(folder, 0o755)
config = os.path.join(folder, "conf")
text = NGINX if kind == "nginx" else TINYPROXY
with open(config, "w") as file:
    file.write(text.format(dir=folder, port=port, small="x" * 100))
if kind == "nginx":
    with open(os.path.join(folder, "large"), "wb") as file:
        file.truncate(SIZE)
command = ["nginx", "-c", config] if kind == "nginx" else ["tinyproxy", "-d", "-c", config]
child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def end(*_):
    child.terminate()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


signal.signal(signal.SIGTERM, end)
for _ in range(200):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except OSError:
        time.sleep(0.02)
print(f"listening on http://127.0.0.1:{port}", flush=True)
child.wait()
end()
