/**
 * Names of TCP services, as IANA's Service Name and Transport Protocol Port
 * Number Registry (RFC 6335) has them.
 */

/** What a host of today offers most often comes first: ordered by hand for this project. */
const COMMON = `443 https,80 http,22 ssh,25 smtp,53 domain,3389 ms-wbt-server,445 microsoft-ds,
139 netbios-ssn,135 epmap,21 ftp,993 imaps,995 pop3s,587 submission,465 submissions,143 imap,
110 pop3,8080 http-alt,3306 mysql,5432 postgresql,6379 redis,8443 pcsync-https,23 telnet,
5900 rfb,111 sunrpc,2049 nfs,27017 mongodb,1433 ms-sql-s,1521 ncube-lm,389 ldap,636 ldaps,88 kerberos,
8000 irdmi,8888 ddi-tcp-1,9200 wap-wsp,9000 cslistener,5000 commplex-main,3000 hbci,9090 websm,
1883 mqtt,8883 secure-mqtt,5672 amqp,5671 amqps,631 ipp,9100 hp-pdl-datastr,515 printer,
5060 sip,5061 sips,1723 pptp,873 rsync,3128 ndl-aas,1080 socks,8081 sunproxyadmin,8008 http-alt,
5222 xmpp-client,5269 xmpp-server,548 afpovertcp,554 rtsp,179 bgp,49 tacacs,464 kpasswd,
3268 msft-gc,3269 msft-gc-ssl,5985 wsman,5986 wsmans,2375 docker,2376 docker-s,2379 etcd-client,
2380 etcd-server,6443 sun-sr-https,10000 ndmp,11211 memcache,9042 cassandra,7000 afs3-fileserver,
9092 XmlIpcRegSvc,2181 eforward,4369 epmd,15672,50000,8009 nvme-disc,8161 patrol-snmp,61616,
6667 ircu,6697 ircs-u,194 irc,119 nntp,563 nntps,43 whois,79 finger,113 ident,7 echo,9 discard,
13 daytime,17 qotd,19 chargen,37 time,20 ftp-data,989 ftps-data,990 ftps,992 telnets,70 gopher,
109 pop2,220 imap3,512 exec,513 login,514 shell,543 klogin,544 kshell,2000 cisco-sccp,
3690 svn,9418 git,5353 mdns,853 domain-s,1194 openvpn,1701 l2f,1812 radius,4500 ipsec-nat-t,
5004 avt-profile-1,5005 avt-profile-2,5357 wsdapi,5555 personal-agent,5666 nrpe,5667,10050 zabbix-agent,
10051 zabbix-trapper,161 snmp,162 snmptrap,199 smux,427 svrloc,444 snpp,593 http-rpc-epmap,
902 ideafarm-door,1025 blackjack,1099 rmiregistry,1352 lotusnote,1434 ms-sql-m,1494 ica,1720 h323hostcall,
1935 macromedia-fcs,2082 infowave,2083 radsec,2086 gnunet,2087 eli,2121 scientia-ssdb,2222 EtherNet-IP-1,
2483 ttc,2484 ttc-ssl,2628 dict,3050 gds-db,3260 iscsi-target,3478 stun,3479,3868 diameter,
4000 terabase,4443 pharos,4444 krb524,4848 appserv-http,4899 radmin-port,5001 commplex-link,5003 fmpro-internal,
5051 ita-agent,5190 aol,5349 stuns,5351 nat-pmp,5400 pcduo-old,5500 fcp-addr-srvr1,5550 cbus,5601 esmagent,
5631 pcanywheredata,5800,5901,5984 couchdb,6000 x11,6001 x11-1,6066 ewctsp,6112 dtspcd,6514 syslog-tls,
6566 sane-port,6646,7001 afs3-callback,7070 arcp,7077,7199,7443 oracleas-https,7474 neo4j,7777 cbt,
8001 vcom-tunnel,8002 teradataordbms,8010,8020 intu-ec-svcdisc,8025 ca-audit-da,8082 us-cli,8083 us-srv,
8086 d-s-n,8087 simplifymedia,8088 radan-http,8089,8090 opsmessaging,8091 jamlink,8100 xprint-server,
8123,8140 puppet,8181 intermapper,8200 trivnet1,8222,8291,8333 bitcoin,8400 cvd,8500 fmtp,8600 asterix,
8834 nessus-xmlrpc,8880 cddbp-alt,8983,9001 etlservicemgr,9002 dynamid,9009 pichat,9043,9080 glrpc,9091 xmltec-xmlmail,
9093 copycat,9160 apani1,9300 vrace,9389 adws,9443 tungsten-https,9990 osm-appsrvr,9999 distinct,
10001 scp-config,10250,11371 hkp,12345 italk,16992 amt-soap-http,20000 dnp,25565 minecraft,25672,26257,27018,28017,32400,33060 mysqlx,
47808 bacnet,49152,49153,49154,50070,51820,55443,60000,62078`;

const services = new Map<number, string | undefined>();
const ports = new Map<string, number>();
for (const entry of COMMON.split(",")) {
  const [port, name] = entry.trim().split(" ");
  services.set(Number(port), name);
  if (name !== undefined && !ports.has(name)) ports.set(name, Number(port));
}

/** The registered name of a port, if it is well known. */
export function serviceOf(port: number): string | undefined {
  return services.get(port);
}

/** The port of a service by its registered name. */
export function portOf(service: string): number | undefined {
  return ports.get(service);
}

/** The ports that are open most often, and after them the others in their order. */
export function topPorts(count: number): number[] {
  const top = [...services.keys()].slice(0, count);
  const known = new Set(top);
  for (let port = 1; top.length < count; port++) if (!known.has(port)) top.push(port);
  return top;
}
