"""A JSON answer by Python's http.server, a thread for each connection; each answer is one write."""
import http.server
import json

BODY = json.dumps({"message": "Hello, World!"}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # By default head and body go out as two writes, and the second waits for a delayed ACK.
    wbufsize = -1

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("listening on http://127.0.0.1:%d" % server.server_address[1], flush=True)
server.serve_forever()
