//! Callers that ask the Envoy door without gRPC: forward-auth proxies, a client, a health check. A forward-auth proxy takes
//! HTTP 200 for an allow, so that none of them may get it. Each Envoy here lets requests through when the door fails.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

pub mod support;

use std::net::SocketAddr;
use std::process::Command;
use std::sync::LazyLock;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use support::envoy::Envoy;
use support::eventually;
use support::http::Client;
use support::process::{Process, command_of, free_port, script};
use support::rolegate::Rolegate;
use support::upstream::Upstream;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

static NGINX: LazyLock<String> = LazyLock::new(|| script("get-nginx.sh"));

async fn gate() -> Rolegate {
    Rolegate::dev().await
}

/// An Envoy whose filter speaks HTTP, over this version, and passes on these headers of its clients.
fn http_service(gate: SocketAddr, upstream: SocketAddr, http2: bool, passed: &[&str]) -> String {
    let options = if http2 { "http2_protocol_options: {}" } else { "http_protocol_options: {}" };
    let passed: Vec<String> = passed.iter().map(|name| format!("{{ exact: {name} }}")).collect();
    let allowed = if passed.is_empty() {
        String::new()
    } else {
        format!("authorization_request: {{ allowed_headers: {{ patterns: [{}] }} }}", passed.join(", "))
    };
    format!(
        r#"
static_resources:
  listeners:
  - name: front
    address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          route_config:
            virtual_hosts: [{{ name: all, domains: ["*"], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: upstream }} }}] }}]
          http_filters:
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              failure_mode_allow: true
              with_request_body: {{ max_request_bytes: 8192 }}
              http_service:
                server_uri: {{ uri: "http://rolegate.example.com:9191", cluster: rolegate, timeout: 30s }}
                {allowed}
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: rolegate
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ {options} }}
    load_assignment: {{ cluster_name: rolegate, endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {gate} }} }} }} }}] }}] }}
  - name: upstream
    type: STATIC
    load_assignment: {{ cluster_name: upstream, endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream} }} }} }} }}] }}] }}
"#,
        gate = gate.port(),
        upstream = upstream.port(),
    )
}

#[tokio::test]
async fn an_envoy_with_http_service_lets_nothing_through() {
    let (gate, upstream) = (gate().await, Upstream::start().await);
    for http2 in [false, true] {
        for passed in [&[][..], &["content-type"]] {
            let envoy = Envoy::start(&http_service(gate.envoy(), upstream.address, http2, passed)).await;
            let front = envoy.listener("front");
            for (method, path, status) in [
                // What the door says where the content type of a client is passed on; 415 where it is not.
                ("GET", "/orders", 405),
                ("GET", CHECK, 405),
                ("DELETE", HEALTH, 405),
                ("POST", "/orders", 404),
                ("POST", CHECK, 400),
                ("POST", HEALTH, 400),
                ("POST", REFLECTION, 400),
            ] {
                let expected = if passed.is_empty() { 415 } else { status };
                for client in [Client::http1(front), Client::http2(front)] {
                    let request = Request::builder()
                        .method(method)
                        .uri(path)
                        .header("content-type", "application/grpc")
                        .header("te", "trailers")
                        .header("authorization", "Bearer x")
                        .body(Full::new(Bytes::from_static(b"\0\0\0\0\0")))
                        .unwrap();
                    let answer = client.send(request).await.unwrap();
                    let what = format!("HTTP/2: {http2}, passed: {passed:?}, {method} {path}");
                    assert_eq!(status_of(&answer), expected, "{what}");
                }
            }
            let plain = Client::http1(front).get("/orders", &[]).await;
            assert_eq!(plain.status, 415);
            assert_eq!(upstream.requests(), 0);
            assert!(envoy.stat("cluster.upstream.ext_authz.denied").await > 0);
            assert_eq!(envoy.stat("cluster.upstream.ext_authz.error").await, 0);
        }
    }
    assert!(gate.metric("rolegate_rejected_requests_total", &[r#"cause="te""#]).await > 0.0);
}

/// The status that a client is told; gRPC clients are told by `grpc-status` where Envoy sees one.
fn status_of(answer: &support::http::Answer) -> u16 {
    let told = answer.header("grpc-status").map(|status| status.parse::<u16>().unwrap());
    match (answer.status.as_u16(), told) {
        // Envoy's answer to what it takes for a gRPC call (grpc.io, http-grpc-status-mapping).
        (200, Some(12)) => 404,
        (200, Some(13)) => 400,
        (200, Some(2)) => match answer.header("grpc-message") {
            Some(message) if message.contains("POST") => 405,
            _ => 415,
        },
        (status, _) => status,
    }
}

#[tokio::test]
async fn nginx_with_auth_request_lets_nothing_through() {
    let (gate, upstream) = (gate().await, Upstream::start().await);
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let own = |name: &str| folder.path().join(name).display().to_string();
    // Each asks in its own way, the last ones as nearly as nginx can be a gRPC client.
    let ways = [
        ("plain", format!("proxy_pass http://{};", gate.envoy())),
        (
            "http11",
            format!(
                "proxy_http_version 1.1; proxy_pass_request_body off; proxy_pass http://{};",
                gate.envoy()
            ),
        ),
        (
            "like-grpc",
            format!(
                "proxy_http_version 1.1; proxy_method POST; proxy_set_header TE trailers;
                 proxy_set_header Content-Type application/grpc; proxy_pass http://{}{CHECK};",
                gate.envoy()
            ),
        ),
        ("grpc", format!("grpc_pass grpc://{};", gate.envoy())),
    ];
    let locations: String = ways
        .iter()
        .map(|(name, way)| {
            format!(
                "location /{name}/ {{ auth_request /ask-{name}; proxy_pass http://{}; }}
                 location = /ask-{name} {{ internal; {way} }}\n",
                upstream.address
            )
        })
        .collect();
    let config = format!(
        "daemon off; master_process off; pid {pid}; error_log {log}; events {{}}
         http {{ access_log off; client_body_temp_path {a}; proxy_temp_path {b}; fastcgi_temp_path {c};
           uwsgi_temp_path {d}; scgi_temp_path {e};
           server {{ listen 127.0.0.1:{port}; location = /ready {{ return 204; }}\n{locations}}} }}",
        pid = own("pid"),
        log = own("log"),
        a = own("a"),
        b = own("b"),
        c = own("c"),
        d = own("d"),
        e = own("e"),
    );
    std::fs::write(folder.path().join("nginx.conf"), config).unwrap();
    let mut command = command_of(&*NGINX);
    command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
    command.arg("-e").arg(folder.path().join("log"));
    let nginx = Process::spawn("nginx", command);
    let client = Client::http1(SocketAddr::from(([127, 0, 0, 1], port)));
    eventually("nginx serves", async || {
        nginx.must_run();
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    assert_eq!(client.get("/ready", &[]).await.status, 204);

    for (name, _) in ways {
        let grpc = ("content-type", "application/grpc");
        for headers in [&[][..], &[grpc], &[grpc, ("te", "trailers"), ("authorization", "Bearer x")]] {
            // nginx answers 500 where its question is answered by anything but 2xx, 401 and 403.
            let answer = client.get(&format!("/{name}/orders"), headers).await;
            assert_eq!(answer.status, 500, "{name} {headers:?}");
        }
    }
    assert_eq!(upstream.requests(), 0);
    let causes = ["content_type", "http_version"];
    for cause in causes {
        let label = format!("cause=\"{cause}\"");
        assert!(gate.metric("rolegate_rejected_requests_total", &[&label]).await > 0.0, "{cause}");
    }
}

#[tokio::test]
async fn curl_is_told_what_is_wrong() {
    let gate = gate().await;
    let url = format!("http://{}/orders", gate.envoy());
    for (arguments, expected) in [
        (&[][..], "415"),
        (&["--http2-prior-knowledge"], "415"),
        (&["--head"], "415"),
        (&["-H", "content-type: application/grpc"], "405"),
        (&["--http2-prior-knowledge", "-H", "content-type: application/grpc", "-d", "x"], "404"),
    ] {
        let output = Command::new("curl")
            .args(["--silent", "--max-time", "60", "--output", "/dev/null", "--write-out", "%{http_code}"])
            .args(arguments)
            .arg(&url)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{arguments:?}");
    }
}

#[tokio::test]
async fn an_http_health_check_of_envoy_fails() {
    let (gate, upstream) = (gate().await, Upstream::start().await);
    for (http2, codec) in [(false, "HTTP1"), (true, "HTTP2")] {
        let mut yaml = http_service(gate.envoy(), upstream.address, http2, &[]);
        let checked = format!(
            "- name: rolegate\n    health_checks: [{{ http_health_check: {{ path: /, codec_client_type: {codec} }}, interval: 1s, no_traffic_interval: 1s, timeout: 30s, unhealthy_threshold: 1, healthy_threshold: 1 }}]\n"
        );
        support::envoy::replace(&mut yaml, "- name: rolegate\n", &checked, 1);
        let envoy = Envoy::start(&yaml).await;
        eventually("a failed health check", async || {
            (envoy.stat("cluster.rolegate.health_check.failure").await > 0).then_some(())
        })
        .await;
        assert_eq!(envoy.stat("cluster.rolegate.health_check.success").await, 0, "{codec}");
    }
}

#[tokio::test]
async fn an_envoy_whose_cluster_has_no_host_name_needs_an_authority() {
    let (gate, upstream) = (gate().await, Upstream::start().await);
    let http = http_service(gate.envoy(), upstream.address, true, &[]);
    let (before, rest) = http.split_once("http_service:").unwrap();
    let (_, after) = rest.split_once("timeout: 30s }").unwrap();
    for (authority, errors) in [("", 1), (", authority: rolegate", 0)] {
        let cluster = r#""outbound|9191||rolegate""#;
        let call =
            format!("grpc_service: {{ envoy_grpc: {{ cluster_name: {cluster}{authority} }}, timeout: 30s }}");
        let mut yaml = format!("{before}{call}{after}");
        support::envoy::replace(&mut yaml, "- name: rolegate\n", &format!("- name: {cluster}\n"), 1);
        let envoy = Envoy::start(&yaml).await;
        let answer = Client::http1(envoy.listener("front")).get("/orders", &[]).await;
        // Without a token. An error lets it through here.
        assert_eq!(answer.status, if errors == 1 { 200 } else { 401 }, "{answer:?}");
        assert_eq!(envoy.stat("cluster.upstream.ext_authz.error").await, errors);
        assert_eq!(envoy.stat("cluster.outbound|9191||rolegate.http2.rx_reset").await, errors);
    }
    assert_eq!(gate.metric("rolegate_rejected_requests_total", &[r#"cause="malformed""#]).await, 1.0);
}
