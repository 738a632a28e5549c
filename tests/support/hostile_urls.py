"""URLs that lead, or seem to lead, where nothing of ours may be called; and a few that lead to the internet."""

LOOPBACK = (
    *("http://127.0.0.1/", "http://localhost/", "http://LOCALHOST./", "http://127.1/", "http://0/", "http://0.0.0.0/"),
    *("http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://0x7f.1/", "http://127.255.255.254/"),
    *("http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::1%25lo]/"),
    *("http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/"),
    "http://[2001:0:53aa:64c:0:0:80ff:fffe]/",
)
METADATA = (
    *("http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://0xA9FEA9FE/", "http://169.254.43518/"),
    *("http://0251.0376.0251.0376/", "http://[0:0:0:0:0:ffff:a9fe:a9fe]/", "http://[64:ff9b::a9fe:a9fe]/"),
    *("http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://192.0.0.192/", "http://168.63.129.16/"),
    "http://168.63.129.16.in-addr.arpa.invalid/",
)
NETWORKS = (
    *("http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.0.1/", "http://100.64.0.1/"),
    *("http://198.18.0.1/", "http://192.0.2.1/", "http://203.0.113.5/", "http://224.0.0.1/", "http://240.0.0.1/"),
    *("http://255.255.255.255/", "http://[fe80::1]/", "http://[fc00::1]/", "http://[ff02::1]/", "http://[fec0::1]/"),
    "http://[2001:db8::1]/",
)
DISGUISES = (
    *("http://user:pw@8.8.8.8/", "http://8.8.8.8@127.0.0.1/", "http://127.0.0.1#@8.8.8.8/", "http://loc%61lhost/"),
    *("http://127.0.0.1\\\\@8.8.8.8/", "http://127。0。0。1/", "http://①②⑦.⓪.⓪.①/", "http:///127.0.0.1/"),
    *("//127.0.0.1/", "http://127.0.0.1\t/", "http://8.8.8.8/\r\nX: y", " http://127.0.0.1/"),
    *("http://8.8.8.8:22/", "http://8.8.8.8:6379/", "http://8.8.8.8:25/", "http://8.8.8.8:0/", "http:// ", "https://"),
    "http://8.8.8.8/".ljust(3015, "a"),
)
SCHEMES = (
    *("file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "ftp://8.8.8.8/", "dict://127.0.0.1:11211/"),
    *("ldap://8.8.8.8/", "data:text/plain,hi", "javascript:alert(1)", "http://", "about:blank"),
)
HOSTILE = (*LOOPBACK, *METADATA, *NETWORKS, *DISGUISES, *SCHEMES)

BENIGN = (
    *("https://8.8.8.8/", "https://1.1.1.1:443/x?y=z", "https://[2606:4700:4700::1111]/"),
    "https://93.184.215.14:8443/hook",
)
PORTS = (80, 443, 8080, 8443)
"""Those that the lists above take for allowed."""
