//! # wxbridge: the map of the house
//!
//! The WeChat side of any customer-service system. WeChat's platforms push callbacks to it; it makes each one durable, hands
//! it to a *core* in order, and carries the core's answers back by the best road the platform allows.
//!
//! ## A message comes in
//! ```text
//! the platform pushes       web/callback            the public listener: /callback/{account id}
//!   is it really them?      channels/…/door         signature, cipher, receiver, freshness   (envelope/)
//!   what did they say?      channels/…/normalise    their document in our words: Inbound
//!   what does it mean?      inbound/arrival         conversation, allowance, core: Arrival
//!   make it durable         store/sqlite/inbound    dedupe row, seq and event: one commit, shared with whatever queued up
//!   tell who must know      app/switchboard         after the commit, from memory: window, timeline, delivery
//!   answer the platform     inbound/accept          `success`, or held for a passive reply
//! to the core               delivery/worker         one in flight per conversation
//!                           core_link/http          CloudEvents, Standard Webhooks
//!                           core_link/grpc          Core.Deliver, the same Event
//! ```
//! ## The platform only rings
//! ```text
//! the platform rings        inbound/accept          a bell says that something waits
//!   make the bell durable   pull/bell               then `success`
//!   whose turn is it?       pull/desk               one walker per place, a few at a time
//!   ask for a page          pull/walk               from the last cursor that is on disk
//!   read each item          channels/…/item         whatever it holds, it becomes something
//!   items and cursor        store/sqlite/pages      one commit
//! ```
//! ## The core pulls
//! ```text
//! the core asks             feed/mod                web/v1/events: a page behind its cursor, or a wait for one
//!   what waits for it?      store/sqlite/feed_page  as of one moment
//!   how did it get there?   store/sqlite/feeds      in the commit of the event, in commit order
//! the core says: taken      feed/mod                everything up to its cursor, and the windows with it
//! ```
//!
//! ## An answer goes out
//! ```text
//! the core answers          core_link/answer        replies inside the response … or web/v1/messages, at any time
//!   is it lawful?           outbound/check
//!   by which road?          outbound/plan           passive, API, later, or not at all: pure
//!   how is it said here?    channels/…/render       platform messages, and what was lost on the way
//!   commit, then act        outbound/replies        with the event's acceptance; submit for the rest
//!     into the open request outbound/ride           handed over by inbound/windows, sealed for each attempt
//!     by the API            outbound/send           tokens/ lends the token, egress/ makes the call
//!   what did they say?      channels/…/judge        errcode inside HTTP 200: Verdict
//! ```
//! ## An account is bound by a scan
//! ```text
//! an operator asks          web/admin/open          a link that works once
//! opens it, scans           web/open                our page, the platform's page, and back
//!   is it the same browser? component/links         the link's key and the browser's cookie
//!   what was granted?       channels/…/authority    the open platform's calls, as values
//!   keep it, then use it    component/settle        refresh token, who it is, the account that serves it
//! the platform tells        component/notices       tickets, authorisations, withdrawals
//! a token is wanted         component/source        by ticket, by refresh token, recovered where one was lost
//! a message comes           inbound/addressed       the platform's keys, the account of the path; then like any other
//! ```
//! ## Others get copies
//! ```text
//! whatever is stored        store/sqlite/forward    walked by row, so that no commit does anything for a copy
//!   what is told of it?     forward/derive          at most one record of each type
//!   together with what?     forward/lane            20 records or 1 s, one batch of a type in flight
//!   may others read it?     forward/book            the switch, and what each forwarder was before
//!     signed, encrypted     forward/seal            anew for each attempt
//! ```
//!
//! ## What always holds
//! 1. Nothing is answered `success` before its commit is on disk ([`store::sqlite`]; WAL, `synchronous=FULL`).
//! 2. `seq` of a conversation has no hole within an epoch; no two stores share an epoch ([`conversation::State::append`]).
//! 3. One delivery and one send in flight per conversation; conversations never wait for each other.
//! 4. A send that may have reached the customer is never repeated: it ends UNKNOWN. A passive answer is committed before its
//!    bytes leave, so a crash can lose the answer's bytes but cannot send it twice.
//! 5. Nothing in `channels/` awaits or touches a socket, a file or a clock; no other module names one channel.
//! 6. The simulator ([`sim`]) shares no sealing, parsing, rendering or limits with the bridge.
//! 7. Secrets show as `***` ([`secret`]) and rest sealed ([`vault`]).
//!
//! ## Questions, and the file that answers each
//! | question | file |
//! |---|---|
//! | Which channels exist, and how is one added? | `src/channels/mod.rs`, `src/channels/contract.rs` |
//! | What becomes of each message and event WeChat documents? | `src/channels/official_account/events.rs` |
//! | What do channels do alike, and do all keep the same promises? | `src/channels/common/mod.rs`, `src/channels/conformance_tests/mod.rs` |
//! | How is a callback verified and opened? | `src/channels/common/door.rs`, `src/envelope/cipher.rs` |
//! | How do files come that customers sent? | `src/media/fetch/mod.rs`, `src/media/inbound.rs` |
//! | Where do files lie, and which go? | `src/media/mod.rs`, `src/media/sweep.rs` |
//! | Where do limits on hostile input live? | `src/web/callback.rs`, `src/envelope/xml.rs`, `src/envelope/json.rs` |
//! | What is refused, and with which status? | `src/channels/contract/inward.rs` (`Refusal`), `src/web/callback.rs` |
//! | How is nothing lost that must be pulled? | `src/pull/mod.rs`, `src/pull/walk.rs`, `src/store/sqlite/pages.rs` |
//! | What becomes of each item of WeChat customer service? | `src/channels/wechat_kf/kinds.rs` |
//! | How long is a request held, and who may answer it? | `src/inbound/window.rs`, `src/inbound/windows.rs` |
//! | What if the platform sends it again? | `src/channels/common/identity.rs`, `src/inbound/accept.rs`, `src/store/sqlite/inbound.rs` |
//! | Where do bodies go that cannot be read? | `src/store/sqlite/quarantine.rs`, `src/inbound/reread.rs` |
//! | What does a QR scene or menu key mean? | `src/entry/mod.rs` |
//! | Which conversation is it, and in which state? | `src/conversation/key.rs`, `src/conversation/mod.rs` |
//! | Who holds a customer, and who is it? | `src/conversation/session.rs`, `src/pull/faces.rs` |
//! | What may still be sent to this customer? | `src/conversation/ledger.rs`, figures in `src/channels/official_account/limits.rs` |
//! | How does a write become durable? | `src/store/sqlite/writer.rs` |
//! | What happens after a crash, and after a restore? | `src/store/sqlite/open.rs` |
//! | What is forgotten, and when? | `src/store/sqlite/sweep.rs` |
//! | Which core takes a conversation? | `src/cores.rs`, `src/delivery/assign.rs` |
//! | Whose events wait because an operator says so? | `src/store/sqlite/paused.rs`, `src/app/assigner.rs` |
//! | When is a core asked again? | `src/delivery/schedule.rs`, `src/delivery/gate.rs` |
//! | When is an event parked? | `src/delivery/state/outcome.rs` |
//! | How does a core pull, and what is a cursor? | `src/feed/mod.rs`, `src/feed/cursor.rs`, `src/store/sqlite/feeds.rs` |
//! | What does the core receive, byte for byte? | `src/core_link/cloudevents.rs`, `src/core_link/signing.rs` |
//! | What does the core's status mean? | `src/core_link/answer.rs`, `src/core_link/grpc/answer.rs` |
//! | How is somebody's core examined? | `src/core_check/mod.rs`, `src/core_check/checks/mod.rs` |
//! | What does a card say that a core describes in Sobot's words? | `src/outbound/card_info.rs` |
//! | Passive, API, later, or not at all? | `src/outbound/plan.rs` |
//! | What does each part become, and what is lost? | `src/channels/official_account/render/mod.rs`, `src/channels/official_account/degrade.rs` |
//! | What does a core hear of its accounts? | `src/outbound/told.rs` |
//! | What does a message that is quoted say, and may it be quoted? | `src/outbound/quote.rs` |
//! | How is a message taken back? | `src/outbound/recall.rs` |
//! | What changes a card that was sent? | `src/outbound/tickets.rs`, `src/channels/wecom_app/cards.rs` |
//! | How fast may messages follow each other? | `src/outbound/pace.rs` |
//! | Where is a long text cut? | `src/text/split.rs` |
//! | Which characters travel, and when does a text say nothing? | `src/text/travel.rs` |
//! | Which parts are refused at once, because no channel sends them? | `src/outbound/malformed.rs` |
//! | What if the connection closed before our answer left? | `src/outbound/ride.rs` |
//! | What does an errcode mean, and what follows? | `src/channels/official_account/codes.rs`, `src/channels/common/answers.rs` |
//! | How is an account bound by a scan, and by whom? | `src/component/links.rs`, `src/component/settle.rs` |
//! | What is an open platform asked, and what does it tell? | `src/channels/contract/authority.rs`, `src/channels/open_platform/mod.rs` |
//! | Which access token is valid now? | `src/tokens/mod.rs`, `src/tokens/cell.rs` |
//! | Which copies go to other systems, and when? | `src/forward/mod.rs`, `src/forward/lane.rs`, `src/store/sqlite/forward.rs` |
//! | Which record does an event or a message give? | `src/forward/derive.rs` |
//! | Which copies are protected, and how? | `src/forward/book.rs`, `src/forward/seal.rs` |
//! | What may we call, and what never? | `src/egress/mod.rs`, `src/egress/public.rs` |
//! | What does each error code of ours mean? | `src/error.rs`, `src/error/pages.rs` |
//! | What does each call of the core's API do, over HTTP and gRPC? | `src/web/calls/mod.rs`, `src/web/grpc/mod.rs` |
//! | Which calls has the internal listener? | `src/web/table.rs`, the table of each handler |
//! | Who may come in at the internal listener, and how often? | `src/api_tokens.rs`, `src/web/auth.rs`, `src/web/quota.rs` |
//! | What does the console show, and who is logged in there? | `src/web/console/mod.rs`, `src/web/console/entrance.rs`, views in the folder src/console |
//! | What was the last day like? | `src/observe/day.rs`, drawn by `src/web/admin/charts.rs` |
//! | What was configured, is it sound, and can what it names be used? | `src/config/mod.rs`, `src/config/default.toml`, `src/app/usable.rs`, `src/pem.rs` |
//! | How do accounts come, change and go? | `src/accounts/apply.rs`, `src/accounts/service.rs` |
//! | How do secrets rest, and which keys has a store of its own? | `src/vault.rs`, `src/vault/own_key.rs` |
//! | Who changed what, and can that be forged? | `src/audit/mod.rs`, `src/audit/chain.rs` |
//! | What does the system say that had an account before us? | `src/inbound/passing.rs`, `src/egress/old_url.rs` |
//! | What outlives a restart of what is observed? | `src/accounts/observed.rs` |
//! | What should an operator see? | `src/observe/mod.rs`, `src/doctor/mod.rs` |
//! | How is it put together, and taken down? | `src/app/house.rs`, `src/app/running.rs` |
//!
//! ## Which way arrows point
//! ```text
//! main → cli → app → web → component → inbound, outbound, delivery, feed, pull, forward → tokens → channels → envelope, text, entry
//!                  → store, core_link, egress             adapters: they implement ports and know no pipeline
//!                                             everything → ports, conversation, schema, error
//! ```
//! Only `app/` knows which store, link and client there are; the pipelines see the traits in [`ports`]. `tests/shape.rs`
//! holds this page and these arrows to the code.

pub mod accounts;
pub mod api_tokens;
pub mod app;
pub mod audit;
pub mod backup;
pub mod channels;
pub mod cli;
pub mod component;
pub mod config;
pub mod conversation;
pub mod core_check;
pub mod core_link;
pub mod cores;
pub mod delivery;
pub mod demo;
pub mod doctor;
pub mod egress;
pub mod entry;
pub mod envelope;
pub mod error;
pub mod feed;
pub mod forward;
pub mod inbound;
pub mod media;
pub mod observe;
pub mod outbound;
pub mod pem;
pub mod ports;
pub mod pull;
pub mod schema;
pub mod secret;
pub mod settings;
pub mod sim;
pub mod store;
pub mod text;
pub mod tokens;
pub mod vault;
pub mod web;
