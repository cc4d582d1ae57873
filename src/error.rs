//! What does this fault mean, and who acts? The one table of codes (the contract's section 7).
//!
//! A code is stable: cores branch on it, operators search for it, `wxbridge explain CODE` prints its page. Cause and
//! remedy stand in both languages in [`pages`].

pub mod pages;

use std::fmt;

macro_rules! codes {
    ($( $variant:ident = $name:literal, $class:ident, $http:literal, $grpc:literal; )*) => {
        /// A stable error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $( $variant, )* }

        impl Code {
            /// Every code there is, in the order of the table.
            pub const ALL: &'static [Code] = &[ $( Code::$variant, )* ];

            /// The name on the wire.
            pub const fn name(self) -> &'static str { match self { $( Code::$variant => $name, )* } }
            /// Which part of the house it belongs to.
            pub const fn class(self) -> Class { match self { $( Code::$variant => Class::$class, )* } }
            /// HTTP status where a call has no result of its own to carry the code.
            pub const fn http(self) -> u16 { match self { $( Code::$variant => $http, )* } }
            /// gRPC status code, by number.
            pub const fn grpc(self) -> i32 { match self { $( Code::$variant => $grpc, )* } }
            /// Reads a name back; letter case is free because people type it.
            pub fn parse(name: &str) -> Option<Code> {
                Code::ALL.iter().copied().find(|code| code.name().eq_ignore_ascii_case(name))
            }
        }
    };
}

/// Where a code arises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Callback,
    Account,
    Send,
    CoreApi,
    Warning,
}

impl Code {
    /// The name of that status in gRPC's own list.
    pub const fn grpc_name(self) -> &'static str {
        match self.grpc() {
            3 => "INVALID_ARGUMENT",
            5 => "NOT_FOUND",
            6 => "ALREADY_EXISTS",
            7 => "PERMISSION_DENIED",
            8 => "RESOURCE_EXHAUSTED",
            9 => "FAILED_PRECONDITION",
            11 => "OUT_OF_RANGE",
            14 => "UNAVAILABLE",
            16 => "UNAUTHENTICATED",
            _ => "UNKNOWN",
        }
    }
}

// gRPC by number, as it travels; `grpc_name` says them in words.
codes! {
    BadSignature = "BAD_SIGNATURE", Callback, 403, 7;
    PlaintextRefused = "PLAINTEXT_REFUSED", Callback, 403, 7;
    WrongReceiver = "WRONG_RECEIVER", Callback, 200, 9;
    Undecodable = "UNDECODABLE", Callback, 200, 9;
    Stale = "STALE", Callback, 403, 7;
    BodyTooLarge = "BODY_TOO_LARGE", Callback, 413, 3;
    ForbiddenXml = "FORBIDDEN_XML", Callback, 400, 3;

    AccountUnknown = "ACCOUNT_UNKNOWN", Account, 404, 5;
    AccountRevoked = "ACCOUNT_REVOKED", Account, 409, 9;
    NeedsReauth = "NEEDS_REAUTH", Account, 409, 9;
    NotEntitled = "NOT_ENTITLED", Account, 409, 9;
    ScopeNotGranted = "SCOPE_NOT_GRANTED", Account, 409, 9;
    IpNotAllowed = "IP_NOT_ALLOWED", Account, 409, 9;
    BadSecret = "BAD_SECRET", Account, 409, 9;
    BadAppId = "BAD_APP_ID", Account, 409, 9;
    TokenTakenElsewhere = "TOKEN_TAKEN_ELSEWHERE", Account, 409, 9;
    WrongBindHost = "WRONG_BIND_HOST", Account, 409, 9;
    BindLinkUsed = "BIND_LINK_USED", Account, 404, 5;

    WindowClosed = "WINDOW_CLOSED", Send, 409, 9;
    QuotaExhausted = "QUOTA_EXHAUSTED", Send, 409, 9;
    Unsubscribed = "UNSUBSCRIBED", Send, 409, 9;
    RefusedByUser = "REFUSED_BY_USER", Send, 409, 9;
    SessionWithHuman = "SESSION_WITH_HUMAN", Send, 409, 9;
    SessionEnded = "SESSION_ENDED", Send, 409, 9;
    UnsupportedPart = "UNSUPPORTED_PART", Send, 409, 9;
    NotQuotable = "NOT_QUOTABLE", Send, 409, 9;
    TooLong = "TOO_LONG", Send, 409, 9;
    MediaTooLarge = "MEDIA_TOO_LARGE", Send, 409, 9;
    MediaExpired = "MEDIA_EXPIRED", Send, 409, 9;
    ContentRejected = "CONTENT_REJECTED", Send, 409, 9;
    RateLimited = "RATE_LIMITED", Send, 409, 9;
    RecipientUnknown = "RECIPIENT_UNKNOWN", Send, 409, 9;
    PlatformDown = "PLATFORM_DOWN", Send, 502, 14;
    Ambiguous = "AMBIGUOUS", Send, 409, 9;
    Expired = "EXPIRED", Send, 409, 9;

    Unauthenticated = "UNAUTHENTICATED", CoreApi, 401, 16;
    Forbidden = "FORBIDDEN", CoreApi, 403, 7;
    InvalidRequest = "INVALID_REQUEST", CoreApi, 400, 3;
    IdempotencyConflict = "IDEMPOTENCY_CONFLICT", CoreApi, 409, 6;
    CursorTooOld = "CURSOR_TOO_OLD", CoreApi, 410, 11;
    NotFound = "NOT_FOUND", CoreApi, 404, 5;
    Overloaded = "OVERLOADED", CoreApi, 503, 14;

    PlatformAgentsOnline = "PLATFORM_AGENTS_ONLINE", Warning, 409, 9;
    NoMessagesButEvents = "NO_MESSAGES_BUT_EVENTS", Warning, 409, 9;
    OtherReceiverSuspected = "OTHER_RECEIVER_SUSPECTED", Warning, 409, 9;
    ClockSkew = "CLOCK_SKEW", Warning, 409, 9;
    TicketMissing = "TICKET_MISSING", Warning, 409, 9;
    CoreUnreachable = "CORE_UNREACHABLE", Warning, 409, 9;
    KfHistoryGap = "KF_HISTORY_GAP", Warning, 409, 9;
    OldKeyStillUsed = "OLD_KEY_STILL_USED", Warning, 409, 9;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault as it travels inside the house: the code that others act on, and the sentence for whoever reads the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Fault {
    pub code: Code,
    /// Lower case, no full stop, says what was expected; never a secret.
    pub detail: String,
    /// The caller's own limit, not the house's: seconds until it is worth coming back.
    pub own_limit: Option<u32>,
}

impl Fault {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            own_limit: None,
        }
    }

    /// `OVERLOADED` by what this caller alone asked for.
    pub fn slow_down(detail: impl Into<String>, seconds: u32) -> Self {
        Self {
            own_limit: Some(seconds),
            ..Self::new(Code::Overloaded, detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn the_statuses_are_those_that_programs_branch_on() {
        for (name, http, grpc) in [
            ("INVALID_REQUEST", 400, 3),
            ("UNAUTHENTICATED", 401, 16),
            ("FORBIDDEN", 403, 7),
            ("NOT_FOUND", 404, 5),
            ("ACCOUNT_UNKNOWN", 404, 5),
            ("IDEMPOTENCY_CONFLICT", 409, 6),
            ("CURSOR_TOO_OLD", 410, 11),
            ("OVERLOADED", 503, 14),
            ("WRONG_BIND_HOST", 409, 9),
            ("BIND_LINK_USED", 404, 5),
            ("WINDOW_CLOSED", 409, 9),
            ("PLATFORM_DOWN", 502, 14),
        ] {
            let code = Code::parse(name).unwrap_or_else(|| panic!("no {name}"));
            assert_eq!((code.http(), code.grpc()), (http, grpc), "{name}");
        }
        assert_eq!(Code::BodyTooLarge.http(), 413);
        assert_eq!(Code::WindowClosed.grpc_name(), "FAILED_PRECONDITION");
        assert!(Code::ALL.iter().all(|code| code.grpc_name() != "UNKNOWN"));
    }
}
