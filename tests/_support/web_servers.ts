/** Debian's web servers Apache, lighttpd and Caddy, which serve one folder each. @module */

import { type HttpPeer, start } from "./http_peers.ts";

/** The modules of Apache, and their folder. */
const MODULES = [
  ...["mpm_event", "unixd", "authn_core", "authz_core", "authz_user", "authn_file", "auth_digest"],
  ...["mime", "dir", "deflate", "filter", "reflector", "socache_shmcb", "ssl", "http2"],
];
const APACHE = "/usr/lib/apache2/modules";

/** What the general web servers are started with: a folder to serve, and a certificate for `localhost`. */
export interface WebServerSetup {
  /** The folder with the files. */
  readonly root: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Starts Apache, on a port without and one with TLS.
 *
 * `/echo` returns the body of a request; `/digest/` needs the Digest login ada:secret.
 */
export function startApache({ root, cert, key }: WebServerSetup): Promise<HttpPeer> {
  return start({
    program: "apache2",
    ports: 2,
    files: (folder, [plain, tls]) => ({
      "cert.pem": cert,
      "key.pem": key,
      // MD5 of ada:private:secret (RFC 7616 §3.4.2).
      "users": "ada:private:93aa3511560a51288346ed1c59b131e4\n",
      "apache.conf": `ServerRoot ${folder}
ServerName localhost
${loadable(MODULES).map((name) => `LoadModule ${name}_module ${APACHE}/mod_${name}.so`).join("\n")}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${plain}
Listen 127.0.0.1:${tls}
Protocols h2 http/1.1
TypesConfig /dev/null
AddType text/plain .txt
AddOutputFilterByType DEFLATE text/plain
DocumentRoot ${root}
<Location /echo>
  SetHandler reflector
</Location>
<Location /digest/>
  AuthType Digest
  AuthName private
  AuthUserFile ${folder}/users
  Require valid-user
</Location>
<VirtualHost 127.0.0.1:${tls}>
  SSLEngine on
  SSLCertificateFile ${folder}/cert.pem
  SSLCertificateKeyFile ${folder}/key.pem
</VirtualHost>
`,
    }),
    args: (folder) => ["-f", `${folder}/apache.conf`, "-D", "FOREGROUND"],
  });
}

/** Returns the modules of Apache that are files; Debian builds the others in. */
function loadable(modules: readonly string[]): string[] {
  return modules.filter((name) => {
    try {
      return Deno.statSync(`${APACHE}/mod_${name}.so`).isFile;
    } catch {
      return false;
    }
  });
}

/** Starts lighttpd as {@linkcode startApache}. `/echo` is a CGI program. */
export function startLighttpd({ root, cert, key }: WebServerSetup): Promise<HttpPeer> {
  return start({
    program: "lighttpd",
    ports: 2,
    files: (folder, [plain, tls]) => ({
      "both.pem": `${key}\n${cert}`,
      "users": "ada:secret\n",
      "echo.sh":
        "#!/bin/sh\nprintf 'Content-Type: application/octet-stream\\r\\n\\r\\n'\nexec cat\n",
      "lighttpd.conf": `server.modules = ("mod_auth", "mod_authn_file", "mod_deflate", "mod_cgi",
  "mod_alias", "mod_openssl")
server.document-root = "${root}"
server.bind = "127.0.0.1"
server.port = ${plain}
server.errorlog = "${folder}/error.log"
server.upload-dirs = ("${folder}")
mimetype.assign = (".txt" => "text/plain", "" => "application/octet-stream")
deflate.mimetypes = ("text/plain")
deflate.allowed-encodings = ("br", "zstd", "gzip")
alias.url = ("/echo" => "${folder}/echo.sh")
$HTTP["url"] =^ "/echo" { cgi.assign = ("" => "/bin/sh") }
auth.backend = "plain"
auth.backend.plain.userfile = "${folder}/users"
auth.require = ("/digest/" => ("method" => "digest", "realm" => "private", "require" => "valid-user",
  "algorithm" => "SHA-256"))
$SERVER["socket"] == "127.0.0.1:${tls}" {
  ssl.engine = "enable"
  ssl.pemfile = "${folder}/both.pem"
}
`,
    }),
    args: (folder) => ["-D", "-f", `${folder}/lighttpd.conf`],
  });
}

/** Starts Caddy as {@linkcode startApache}, but without Digest. */
export function startCaddy({ root, cert, key }: WebServerSetup): Promise<HttpPeer> {
  return start({
    program: "caddy",
    ports: 2,
    files: (folder, [plain, tls]) => ({
      "cert.pem": cert,
      "key.pem": key,
      "Caddyfile": `{
  admin off
  auto_https off
  storage file_system ${folder}
}
(site) {
  bind 127.0.0.1
  root * ${root}
  encode zstd gzip
  respond /echo {http.request.body}
  file_server
}
http://:${plain} {
  import site
}
https://:${tls} {
  tls ${folder}/cert.pem ${folder}/key.pem
  import site
}
`,
    }),
    args: (folder) => ["run", "--adapter", "caddyfile", "--config", `${folder}/Caddyfile`],
  });
}
