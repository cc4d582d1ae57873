//! What is to be done about a core that does not take the first event? What its answer says of the cause.

use tonic::Code;

use crate::{
    core_check::{
        door::{Heard, Signs, Status},
        report::Words,
    },
    ports::core::Outcome,
};

pub fn remedy(heard: &Heard, signs: Signs) -> Words {
    match (heard.status, &heard.outcome) {
        (None, Outcome::Down { .. }) => Words::new(
            "start the core, and look at address, port and certificate: nobody could be reached there",
            "启动核心，并检查地址、端口和证书：那里连接不上",
        ),
        (None, _) => Words::new(
            "answer within the time that `timeout` of [[core]] gives, with a complete response",
            "请在 [[core]] 的 timeout 之内返回完整的响应",
        ),
        (Some(status), _) if status.refuses_us() => remedy_for_a_stranger(signs),
        (Some(Status::Http(status)), _) => remedy_over_http(status),
        (Some(Status::Grpc(code)), _) => remedy_over_grpc(code),
    }
}

fn remedy_for_a_stranger(signs: Signs) -> Words {
    match signs {
        Signs::NoKey => Words::new(
            "the core wants a signature: give its key with --secret whsec_…",
            "核心要求签名：请用 --secret whsec_… 提供密钥",
        ),
        Signs::Yes => Words::new(
            "the core refuses a right signature. Is it the same key? Verify the bytes of the body as they came, before any \
             JSON is parsed: base64(HMAC-SHA256(key, webhook-id + \".\" + webhook-timestamp + \".\" + body)), where key is \
             the decoded base64 after whsec_",
            "核心拒绝了正确的签名。密钥是否一致？请在解析 JSON 之前，用收到的原始字节校验：base64(HMAC-SHA256(key, webhook-id + \".\" + \
             webhook-timestamp + \".\" + body))，其中 key 是 whsec_ 之后的内容按 base64 解码的结果",
        ),
        Signs::NoBearer | Signs::Certificate => Words::new(
            "the core wants to know who calls: give its secret with --bearer",
            "核心要求表明身份：请用 --bearer 提供它的口令",
        ),
        Signs::Bearer => Words::new(
            "the core refuses its own secret. Is it the same? It comes in the metadata as `authorization: Bearer …`",
            "核心拒绝了自己的口令。是否一致？它在元数据 `authorization: Bearer …` 中",
        ),
    }
}

fn remedy_over_http(status: u16) -> Words {
    match status {
        300..=399 => Words::new(
            "give the address that it redirects to; the bridge does not follow",
            "请直接填写重定向后的地址；网桥不跟随重定向",
        ),
        404 | 405 => Words::new(
            "let the core answer POST at this very path",
            "请让核心在这个路径上处理 POST 请求",
        ),
        400 | 413 | 415 | 422 => Words::new(
            "read the body as JSON whatever its content type says (application/cloudevents+json); the Event stands in `data`",
            "请把正文当作 JSON 读取（content-type 是 application/cloudevents+json）；Event 在 `data` 字段里",
        ),
        200..=299 => name_it(),
        _ => Words::new(
            "answer 200 once the event is safe with you, also when there is nothing to reply",
            "事件在您那边落稳之后就回答 200，没有内容要回复时也一样",
        ),
    }
}

fn remedy_over_grpc(code: Code) -> Words {
    match code {
        Code::Unimplemented | Code::NotFound => Words::new(
            "serve wxbridge.v1.Core at this address; `wxbridge proto` prints the schema",
            "请在这个地址提供 wxbridge.v1.Core 服务；`wxbridge proto` 会打印协议文件",
        ),
        Code::Ok => name_it(),
        _ => Words::new(
            "answer OK once the events are safe with you, also when there is nothing to reply",
            "事件在您那边落稳之后就回答 OK，没有内容要回复时也一样",
        ),
    }
}

fn name_it() -> Words {
    Words::new(
        "leave `results` out of the answer to a pushed event, or name its conversation with outcome OK",
        "对推送的事件，回答里请不要带 `results`，或者写上该会话并给出 OK",
    )
}
