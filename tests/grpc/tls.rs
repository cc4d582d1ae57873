//! TLS both ways, with certificates on both sides.

use std::{fs, path::Path, sync::Arc};

use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy, rt::TokioExecutor};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ClientConfig, RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tonic::Request;
use wxbridge::schema::v1::{GetAccountRequest, bridge_client::BridgeClient};

use crate::support::{
    bridge::{Bridge, Setup},
    grpc::{GrpcCore, Said},
    peer::{Shop, element},
    until,
};

/// An authority, a server's certificate for 127.0.0.1 and a client's, as PEM files in a folder.
struct Papers(tempfile::TempDir);

impl Papers {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
            let signed = params.signed_by(&key, &authority).unwrap();
            fs::write(dir.path().join(format!("{name}.pem")), signed.pem()).unwrap();
            fs::write(dir.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self(dir)
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn chain(&self, name: &str) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(self.file(name))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    fn key(&self, name: &str) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(Path::new(&self.file(name))).unwrap()
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.chain("ca.pem").remove(0)).unwrap();
        roots
    }

    /// A core's TLS that wants a certificate.
    fn server(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider.clone());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = config.with_client_cert_verifier(verifier.build().unwrap());
        let mut config = config
            .with_single_cert(self.chain("server.pem"), self.key("server.key"))
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Arc::new(config)
    }

    fn client(&self, with_certificate: bool) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = config.with_root_certificates(self.roots());
        match with_certificate {
            true => config
                .with_client_auth_cert(self.chain("client.pem"), self.key("client.key"))
                .unwrap(),
            false => config.with_no_client_auth(),
        }
    }
}

#[tokio::test]
async fn a_core_behind_tls_hears_a_bridge_that_shows_its_certificate() {
    let papers = Papers::new();
    let core = GrpcCore::start_tls(papers.server(), |_| Said::reply("sealed"));
    let lines = format!(
        "kind = \"grpc\"\nca_file = \"{}\"\ncert_file = \"{}\"\nkey_file = \"{}\"",
        papers.file("ca.pem"),
        papers.file("client.pem"),
        papers.file("client.key")
    );
    let url = format!("https://localhost:{}", core.address.port());
    let bridge = Bridge::start(Setup::new().and_core("main", &url, &lines)).await;
    let shop = Shop::new("shop");
    bridge.apply(&[&shop], "http://127.0.0.1:9").await;
    let (_, body) = bridge.text(&shop, "o1", "x").await;
    let reply = shop.open_reply(&body).unwrap();
    assert_eq!(element(&reply, "Content").as_deref(), Some("sealed"));
}

#[tokio::test]
async fn a_core_whose_certificate_is_nobodys_is_down_and_so_is_one_that_wants_ours() {
    let papers = Papers::new();
    let core = GrpcCore::start_tls(papers.server(), |_| Said::taken());
    let url = format!("https://localhost:{}", core.address.port());
    let ca = format!("kind = \"grpc\"\nca_file = \"{}\"", papers.file("ca.pem"));
    for (lines, why) in [("kind = \"grpc\"", "cannot connect: "), (ca.as_str(), "")] {
        let bridge = Bridge::start(Setup::new().and_core("main", &url, lines)).await;
        let shop = Shop::new("shop");
        bridge.apply(&[&shop], "http://127.0.0.1:9").await;
        assert_eq!(bridge.text(&shop, "o1", "x").await.0, 200);
        let error = until("an error", async || {
            let cores = bridge.get("/admin/v1/cores").await;
            cores["items"][0]["lastError"].as_str().map(ToOwned::to_owned)
        })
        .await;
        assert!(error.starts_with(why), "{error}");
        assert_eq!(core.heard().len(), 0);
    }
}

#[tokio::test]
async fn the_listener_speaks_tls_and_wants_a_certificate_where_it_is_told_to() {
    let papers = Papers::new();
    let mut bridge = Bridge::prepare(Setup::new());
    let config = fs::read_to_string(bridge.config()).unwrap();
    let plain = format!("[grpc]\nlisten = \"127.0.0.1:{}\"", bridge.grpc_port());
    let tls = format!(
        "[grpc]\nlisten = \"0.0.0.0:{}\"\ntls = {{ cert_file = \"{}\", key_file = \"{}\", client_ca_file = \"{}\" }}",
        bridge.grpc_port(),
        papers.file("server.pem"),
        papers.file("server.key"),
        papers.file("ca.pem")
    );
    fs::write(bridge.config(), config.replace(&plain, &tls)).unwrap();
    bridge.spawn();
    bridge.ready().await;
    for (with_certificate, answered) in [(true, true), (false, false)] {
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(papers.client(with_certificate))
            .https_only()
            .enable_http2()
            .build();
        let http = legacy::Client::builder(TokioExecutor::new())
            .http2_only(true)
            .build(https);
        let origin = format!("https://127.0.0.1:{}", bridge.grpc_port()).parse().unwrap();
        let mut client = BridgeClient::with_origin(http, origin);
        let refused = client
            .get_account(Request::new(GetAccountRequest::default()))
            .await
            .unwrap_err();
        // An answer of ours, or none.
        assert_eq!(refused.code() == tonic::Code::Unauthenticated, answered, "{refused:?}");
    }
}
