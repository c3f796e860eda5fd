// Generated from the OpenAPI document by generate-api.mjs. Do not edit.

export interface paths {
    "/api/v1/admin/queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the state of the queue.
         * @description Administrators may call this. An API key needs the scope `admin`.
         */
        get: operations["queue"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/running": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the runs that workers execute, longest first.
         * @description It has at most 200 runs. `running` of `/admin/queue` is the number of all of them.
         *
         *     Administrators may call this. An API key needs the scope `admin`.
         */
        get: operations["running"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/admin/workers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the workers that are alive.
         * @description Administrators may call this. An API key needs the scope `admin`.
         */
        get: operations["workers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/delete-account": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Delete your account.
         * @description Removes your name, e-mail address, password, sessions, API keys, webhooks, drafts and shared programs. Waiting and
         *     running submissions are cancelled. Your submissions are kept under an anonymous name, so that standings do not
         *     change.
         *
         *     Everybody with an account may call this. An API key needs the scope `account`.
         */
        post: operations["delete_account"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/guest": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Become a guest, in a browser.
         * @description A guest is a temporary account without name and password. It may run programs, on the samples of a problem too, and
         *     read and cancel its own runs; everything else needs an account. Its runs use the rates of the tier `guest`. They
         *     cannot use `webhook`, `run_at` or `tests`, and have at most 1 MiB of sources and input. All guests from one address
         *     (IPv6: one /64 network) have one share of the queue and of the slots together, and at most 50 waiting runs. The
         *     guest ends after 24 hours, or earlier with its session, for example because the visitor signs in. Soon afterwards,
         *     it is deleted with its runs.
         *
         *     Sets the session cookie, under the conditions of `POST /session`. If somebody is signed in already, or the visitor
         *     is a guest already, nothing changes.
         *
         *     Everybody may call this, without an account.
         */
        post: operations["open_guest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List your API keys.
         * @description Revoked and expired keys are listed for 90 days. If you have more than 1,000 keys, the oldest of them are deleted
         *     earlier.
         *
         *     Everybody with an account may call this. An API key needs the scope `account`.
         */
        get: operations["keys"];
        put?: never;
        /**
         * Create an API key.
         * @description A key can create another key only with scopes that it has itself, and only one that expires no later than itself.
         *
         *     Everybody with an account may call this. An API key needs the scope `account`.
         */
        post: operations["create_key"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke an API key.
         * @description Everybody with an account may call this. An API key needs the scope `account`.
         */
        delete: operations["revoke_key"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get your account.
         * @description Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change a setting of your account.
         * @description Everybody with an account may call this. An API key needs the scope `account`.
         */
        patch: operations["change_me"];
        trace?: never;
    };
    "/api/v1/auth/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change your password.
         * @description Your other sessions end. An unused one-time link to your account becomes invalid. API keys stay valid.
         *
         *     Everybody with an account may call this. An API key needs the scope `account`.
         */
        post: operations["change_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/password/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Get the account of a one-time link.
         * @description The link stays valid. `POST /auth/password/reset` sets the password.
         *
         *     Everybody may call this, without an account.
         */
        post: operations["password_link"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/password/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set a password with a one-time link.
         * @description An administrator creates the link. Setting the password ends all sessions. If only the password is refused, the link
         *     stays valid.
         *
         *     Everybody may call this, without an account.
         */
        post: operations["reset_password"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create an account.
         * @description Everybody may call this, without an account.
         */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List your sessions.
         * @description Everybody with an account may call this. An API key needs the scope `account`.
         */
        get: operations["sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sessions/{session_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End one of your sessions.
         * @description Everybody with an account may call this. An API key needs the scope `account`.
         */
        delete: operations["end_session"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/contests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List contests.
         * @description The list has the public contests and, if you authenticate, the contests that you organize or take part in.
         *     Administrators get all contests.
         *
         *     Everybody may call this, without an account.
         */
        get: operations["contests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/contests/{slug}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a contest.
         * @description Everybody may call this, without an account.
         */
        get: operations["contest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change a contest.
         * @description Authors may call this for their own problems and contests, and administrators for all. An API key needs the scope `problems:write`.
         */
        patch: operations["change_contest"];
        trace?: never;
    };
    "/api/v1/contests/{slug}/announcements": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make an announcement.
         * @description All users who can see the contest get the announcement in the list of questions. `PATCH` changes its text.
         *
         *     Authors may call this for their own problems and contests, and administrators for all. An API key needs the scope `problems:write`.
         */
        post: operations["announce"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/contests/{slug}/clarifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List questions and announcements.
         * @description You get your own entries and the public entries. Organizers get all entries, with the names of the users who asked.
         *
         *     Everybody may call this, without an account.
         */
        get: operations["clarifications"];
        put?: never;
        /**
         * Ask a question, as a participant.
         * @description Everybody with an account may call this. An API key needs the scope `runs:write`.
         */
        post: operations["ask"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/contests/{slug}/clarifications/{clarification_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Answer a question, or change the answer.
         * @description Authors may call this for their own problems and contests, and administrators for all. An API key needs the scope `problems:write`.
         */
        patch: operations["answer"];
        trace?: never;
    };
    "/api/v1/contests/{slug}/participation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take part in a contest.
         * @description Until the contest ends, participation is `official`. After it has ended, participation is `virtual`: your time
         *     begins with this request, and the standings show what they were when the contest had run for the same time. If a
         *     contest is not public and the code is wrong, the response is the same as for a contest that does not exist.
         *
         *     Everybody with an account may call this. An API key needs the scope `runs:write`.
         */
        post: operations["take_part"];
        /**
         * Leave a contest that has not begun.
         * @description Everybody with an account may call this. An API key needs the scope `runs:write`.
         */
        delete: operations["withdraw"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/contests/{slug}/standings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the standings.
         * @description The standings are at most about one second old. Your own results are never frozen for you.
         *
         *     The JSON response has an `ETag`, which covers everything except `elapsed_seconds`. If you send this `ETag` as
         *     `If-None-Match`, the response is 304 without a body until anything else changes.
         *
         *     Everybody may call this, without an account.
         */
        get: operations["standings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/drafts/{language_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a draft.
         * @description Only you can read your drafts. The `ETag` names the revision. If you send it as `If-None-Match`, the response is 304
         *     without a body as long as the draft has not changed. If you lose access to the problem, you cannot read its draft,
         *     but the draft is kept.
         *
         *     Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["draft"];
        /**
         * Save a draft.
         * @description A save changes the newest revision if that revision was started less than five minutes ago. Otherwise, the save
         *     starts a new revision, and the previous revision stays in the history. A save also starts a new revision if it has
         *     no `If-Match`, if `begins_revision` is true, or if the text has become shorter by more than half. A save can be
         *     repeated safely: if the text is already saved, the conditions in the headers are ignored.
         *
         *     Everybody with an account may call this. An API key needs the scope `runs:write`.
         */
        put: operations["save_draft"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/drafts/{language_id}/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the revisions of a draft.
         * @description Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["draft_revisions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/drafts/{language_id}/revisions/{revision}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a revision of a draft.
         * @description A save that changes the newest revision also gives it a new number.
         *
         *     Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["draft_revision"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/execute/{submission_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow a submission.
         * @description Events of a problem's hidden tests are sent once per second and at the end, in the order in which the tests ran.
         *
         *     While a submission waits for a worker and its position in the queue changes, `queued` is repeated with larger
         *     sequence numbers. It is also repeated when the workers have pulled the container image for which it waits
         *     (`pulling`).
         *
         *     Events in order: `queued`, `started`, `compile.start`, `compile.end`, then `test.start`, `output` (any number),
         *     `test.end` for each test, and last `verdict`. `gap` means that events were dropped for this client. If the
         *     submission is due in more than one minute, the stream ends with `scheduled`; follow it again at `run_at`. A client
         *     that uses a ticket then needs a new one.
         *
         *     The stream ends within five seconds after the session or the API key that opened it has ended.
         *
         *     Everybody with an account may call this, and guests (`POST /auth/guest`). An API key needs the scope `runs:read`.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/languages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the languages.
         * @description Unavailable languages are listed with the reason. `POST /execute` refuses them, except while workers are pulling
         *     their image (`pulling`). Languages that exist only for clients of other products are not listed.
         *
         *     Everybody may call this, without an account.
         */
        get: operations["languages"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/problems": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List problems.
         * @description The list has the public problems and, if you authenticate, your own problems and those shared with you. While a
         *     contest with a private problem is running, users with whom the problem is shared do not find it. Administrators get
         *     all problems.
         *
         *     Everybody may call this, without an account.
         */
        get: operations["problems"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/problems/{slug}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a problem.
         * @description Everybody may call this, without an account.
         */
        get: operations["problem"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/problems/{slug}/distribution": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the distribution of time and memory of accepted solutions.
         * @description Every user counts once, with their best values. Times are in steps of 10 ms, memory in steps of 1 MiB.
         *
         *     Everybody may call this, without an account.
         */
        get: operations["distribution"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/problems/{slug}/editorial": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the editorial of a problem.
         * @description It explains the solution. While a contest of the problem's authors with the problem is running, only users who may
         *     change the problem can read it. Participants of a contest can read it when their own time has ended.
         *
         *     Everybody may call this, without an account.
         */
        get: operations["problem_editorial"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/problems/{slug}/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try a solution.
         * @description Runs the solution on the samples, or on your own input, for any kind of problem. The result does not count. With
         *     `?wait=`, the response is delayed until the trial has ended or the wait is over. If the problem's programs write
         *     their output to a file, `stdout` of a run on your own input is the content of that file.
         *
         *     Everybody with an account may call this, and guests (`POST /auth/guest`). An API key needs the scope `runs:write`.
         */
        post: operations["run_solution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/problems/{slug}/submissions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List your submissions to a problem, newest first, without runs on samples or on custom input. Authors can list those
         *     of all users.
         * @description Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["submissions_to_problem"];
        put?: never;
        /**
         * Submit a solution.
         * @description The solution is judged on all tests, and the result counts. With `?wait=`, the response is delayed until the
         *     solution has been judged or the wait is over.
         *
         *     Everybody with an account may call this. An API key needs the scope `runs:write`.
         */
        post: operations["submit_solution"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who is signed in.
         * @description If the request has a token or an API key, the response names its owner.
         *
         *     Everybody may call this, without an account.
         */
        get: operations["session"];
        put?: never;
        /**
         * Sign in, in a browser.
         * @description Sets the cookie `cupel_session` (`HttpOnly`, `SameSite=Lax`, and `Secure` over TLS), which authenticates later
         *     requests. A request that changes something and has this cookie needs the header `X-Cupel-Site` with any value, and
         *     must come from a page of this server, as shown by `Sec-Fetch-Site` or `Origin`. The same applies to this request.
         *     The cookie is valid until the session ends. If the browser had a guest, the guest ends.
         *
         *     If the value of `X-Cupel-Site` is a user's id, the server answers 401 unless the session belongs to that user. So a
         *     page of one user cannot act for another user who has since signed in with the same browser.
         *
         *     Everybody may call this, without an account.
         */
        post: operations["sign_in"];
        /**
         * Sign out, in a browser.
         * @description Ends the session of the cookie and removes the cookie. `POST /auth/logout` ends the session of a token. If the value
         *     of `X-Cupel-Site` is another user's id, the server answers 401, and the session and the cookie stay.
         *
         *     Everybody may call this, without an account.
         */
        delete: operations["sign_out"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/snippets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the programs that you share.
         * @description Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["own_programs"];
        put?: never;
        /**
         * Share a program.
         * @description Every client that knows the link can read the program. A shared program never changes. The same program always has
         *     the same link. Sharing costs one submission of the rate limit. The operator bounds the number of programs that one
         *     user may share (1,000 by default), and may set a retention, after which a program is removed unless a user shares it
         *     again.
         *
         *     Everybody with an account may call this. An API key needs the scope `runs:write`.
         */
        post: operations["share_program"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/snippets/{snippet_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a shared program.
         * @description Everybody may call this, without an account.
         */
        get: operations["shared_program"];
        put?: never;
        post?: never;
        /**
         * End the sharing of a program.
         * @description The link stays valid while another user shares the same program.
         *
         *     Everybody with an account may call this. An API key needs the scope `runs:write`.
         */
        delete: operations["unshare_program"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/submissions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List your submissions, newest first.
         * @description Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["submissions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/submissions/{submission_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a submission, with its source and its result.
         * @description You may get your own submissions; authors of a problem may also get all submissions to it, and organizers of a
         *     contest those that count in it. With `?wait=`, the response is delayed until the submission has ended or the wait is
         *     over.
         *
         *     Everybody with an account may call this, and guests (`POST /auth/guest`). An API key needs the scope `runs:read`.
         */
        get: operations["submission_in_full"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/activity": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get your solved problems, by day and by tag.
         * @description Your results include results that the freeze of a contest hides from other users.
         *
         *     Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["activity"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/progress": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the numbers of problems you have solved.
         * @description Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["progress"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the remaining amounts of your limits.
         * @description The request itself is charged as one read, before the numbers are taken.
         *
         *     Everybody with an account may call this. An API key needs the scope `runs:read`.
         */
        get: operations["usage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description An accepted submission.
         * @example {
         *       "message": "Code submitted for execution",
         *       "status": "queued",
         *       "submission_id": "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a"
         *     }
         */
        Accepted: {
            /** @description The submission's id. The submission will reach a final state even if the server fails. */
            submission_id: string;
            /** @description `queued`, or the submission's status at the end of the wait. */
            status: components["schemas"]["Status"];
            /** @description Human-readable message. */
            message: string;
            /**
             * @description `true` if this is an earlier, identical submission of yours, returned because the request has `cache`; otherwise
             *     absent.
             */
            cached?: boolean;
        };
        /**
         * @description How exact the figures are.
         * @enum {string}
         */
        AccuracyView: "approximate";
        /** @description A day on which a user solved problems for the first time. */
        ActivityDay: {
            /**
             * Format: date
             * @description The day, in UTC.
             */
            date: string;
            /**
             * Format: int64
             * @description Number of problems that the user first solved on this day.
             */
            solved: number;
        };
        /** @description A user's solved public problems. */
        ActivityView: {
            /** @description Days of the last year on which the user solved problems for the first time, oldest first. */
            days: components["schemas"]["ActivityDay"][];
            /** @description Numbers of public problems. */
            problems: components["schemas"]["ProblemCounts"];
            /** @description Tags of public problems, those with the most solved problems first; at most 100. */
            tags: components["schemas"]["TagView"][];
        };
        /**
         * @description An announcement.
         * @example {
         *       "problem": "B",
         *       "text": "The sample output of B was wrong and has been corrected."
         *     }
         */
        AnnouncementRequest: {
            /** @description Problem that the announcement is about: its letter in the contest or its slug; omitted: the whole contest. */
            problem?: string | null;
            /** @description Text of the announcement; not blank. */
            text: string;
        };
        /**
         * @description An answer.
         * @example {
         *       "answer": "No.",
         *       "public": true
         *     }
         */
        AnswerRequest: {
            /** @description The answer; not blank. It replaces an earlier answer. */
            answer: string;
            /**
             * @description Whether everybody may read the question and the answer. If omitted, this stays as it is; a question is private
             *     at first.
             */
            public?: boolean | null;
        };
        /**
         * @description Error document, RFC 9457 (`application/problem+json`).
         * @example {
         *       "code": "unknown-language",
         *       "detail": "There is no language `pyton`; did you mean `python`?",
         *       "errors": [
         *         {
         *           "detail": "There is no language `pyton`; did you mean `python`?",
         *           "pointer": "/language"
         *         }
         *       ],
         *       "request_id": "0199a4e2c5d07f3e",
         *       "status": 422,
         *       "title": "Unknown language",
         *       "type": "/errors/unknown-language"
         *     }
         */
        ApiError: {
            /** @description `/errors/<code>`: the identifier on which clients branch. */
            type: string;
            /** @description Short title, the same for every occurrence of the type. */
            title: string;
            /**
             * Format: int32
             * @description HTTP status, repeated.
             */
            status: number;
            /** @description Human-readable description of this occurrence of the error. */
            detail: string;
            /** @description The code alone. */
            code: string;
            /** @description Id of this request in the log; also in the `x-request-id` header. */
            request_id: string;
            /** @description Each error with its location; empty if the error is not about the body. */
            errors: components["schemas"]["FieldError"][];
        };
        /**
         * @description A file that the program left behind, and that matches a pattern of `artifacts`.
         * @example {
         *       "media_type": "image/png",
         *       "path": "plots/a.png",
         *       "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
         *       "size_bytes": 1204,
         *       "url": "/api/v1/submissions/0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a/artifacts/plots%2Fa.png"
         *     }
         */
        ArtifactView: {
            /** @description Path of the file in the working directory. */
            path: string;
            /**
             * Format: int64
             * @description Size of the file.
             */
            size_bytes: number;
            /**
             * @description Media type, determined from the content and never from the name: `text/plain; charset=utf-8` for text in UTF-8,
             *     `application/octet-stream` if it is unknown. Absent if the content was omitted.
             */
            media_type?: string | null;
            /** @description SHA-256 of the content, in hexadecimal digits. Absent if the content was omitted. */
            sha256?: string | null;
            /** @description URL of the content. Absent if the content was omitted. */
            url?: string | null;
            omitted?: components["schemas"]["OmissionView"] | null;
        };
        /** @description Id of a new question or announcement. */
        AskedView: {
            /**
             * Format: uuid
             * @description Id of the entry.
             */
            clarification_id: string;
        };
        /** @description A participant's result for a problem. */
        CellView: {
            /**
             * Format: int32
             * @description Number of tries with a visible result, up to and including the first accepted one.
             */
            tries: number;
            /**
             * Format: int32
             * @description Number of tries without a visible result: not judged yet, or frozen.
             */
            pending: number;
            /**
             * Format: int64
             * @description Time of the solution, in seconds after the start. In a contest with IOI scoring, the time of the best score.
             */
            solved_at_seconds?: number | null;
            /** @description Whether this is the first official solution of the problem. */
            first: boolean;
            /**
             * Format: double
             * @description The best score, for IOI scoring.
             */
            score?: number | null;
        };
        /** @description A page of questions and announcements. */
        ClarificationPage: {
            /** @description Newest first. */
            clarifications: components["schemas"]["ClarificationView"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description A question with its answer, or an announcement. */
        ClarificationView: {
            /**
             * Format: uuid
             * @description Id of the entry.
             */
            clarification_id: string;
            /** @description `question` or `announcement`. */
            kind: string;
            /** @description Letter of the problem concerned; `null`: the whole contest. */
            problem?: string | null;
            /** @description Slug of that problem. */
            problem_slug?: string | null;
            /** @description The question; empty for an announcement. */
            question: string;
            /** @description The answer, once there is one; or the text of the announcement. In Markdown. */
            answer?: string | null;
            /** @description The answer as HTML, if you asked for it. Raw HTML in the answer is text here. */
            answer_html?: string | null;
            /** @description User who asked the question or made the announcement; only for the contest's organizers. */
            asked_by?: string | null;
            /** @description Whether everybody may read this entry. */
            public: boolean;
            /** @description Whether you asked the question or made the announcement. */
            own: boolean;
            /**
             * Format: date-time
             * @description Time of the question or announcement.
             */
            asked_at: string;
            /**
             * Format: date-time
             * @description Time of the answer.
             */
            answered_at?: string | null;
        };
        /** @description A compilation. */
        CompileView: {
            /** @description Whether compilation succeeded. */
            ok: boolean;
            /** @description The compiler's output, including warnings. */
            output: string;
            /**
             * Format: int32
             * @description The compiler's exit code; `null` if a signal or a limit ended it.
             */
            exit_code?: number | null;
            /**
             * Format: int64
             * @description Duration, in milliseconds; 0 if the result came from the cache.
             */
            time_ms: number;
            /** @description Whether an earlier, identical compilation was used. */
            cached: boolean;
            /** @description Whether some of the compiler's output was discarded. */
            truncated: boolean;
        };
        /**
         * @description Changes to a contest; omitted fields stay unchanged. After a contest has begun, its start, rules and problems cannot
         *     change.
         * @example {
         *       "unfrozen": true
         *     }
         */
        ContestChangeRequest: {
            /** @description Display name: at most 200 characters on one line, not blank. */
            title?: string | null;
            /** @description Description, in Markdown: at most 10,000 characters. */
            description?: string | null;
            style?: components["schemas"]["StyleName"] | null;
            /**
             * Format: int64
             * @description ICPC: penalty in minutes for each rejected try at a problem that is later solved, 0 to 1440. If it is omitted
             *     and the style changes from `ioi` to `icpc`, the penalty is 20.
             */
            penalty_minutes?: number | null;
            /**
             * Format: int64
             * @deprecated
             * @description Deprecated: the penalty in seconds. Send `penalty_minutes` instead, not both.
             */
            penalty_seconds?: number | null;
            /**
             * Format: date-time
             * @description Start time (RFC 3339).
             */
            starts_at?: string | null;
            /**
             * Format: int64
             * @description Duration in seconds: 60 to 2678400 (31 days). If the standings are frozen, the freeze keeps its start; its
             *     length changes.
             */
            length_seconds?: number | null;
            /**
             * Format: int64
             * @description Number of seconds before the end at which the standings freeze: results of later submissions are not shown.
             *     `null`: no freeze. At most `length_seconds`.
             */
            freeze_seconds?: number | null;
            /**
             * @description Whether the freeze is lifted; `true` only after it has begun. `false` hides the results again, but users may
             *     already have seen them.
             */
            unfrozen?: boolean | null;
            /** @description Whether everybody may see the contest and take part. If not, users need its join code. */
            public?: boolean | null;
            /** @description Whether to replace the `join_code`. The old code becomes invalid; participants stay in the contest. */
            new_join_code?: boolean;
            /** @description Slugs of the problems, in order. */
            problems?: string[] | null;
        } & (unknown & unknown & unknown);
        /** @description A contest, without its problems. */
        ContestLine: {
            /** @description Name in URLs. */
            slug: string;
            /** @description Display name. */
            title: string;
            /** @description Scoring rules. */
            style: components["schemas"]["StyleName"];
            /** @description `upcoming`, `running` or `over`. */
            phase: string;
            /**
             * Format: date-time
             * @description Start time.
             */
            starts_at: string;
            /**
             * Format: date-time
             * @description End time.
             */
            ends_at: string;
            /**
             * Format: int64
             * @description Duration.
             */
            length_seconds: number;
            /** @description Whether everybody may see the contest and take part. */
            public: boolean;
        };
        /** @description A page of contests. */
        ContestPage: {
            /** @description The contests, sorted by start time, latest first. */
            contests: components["schemas"]["ListedContest"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description A problem of a contest. Submit solutions to `/problems/{slug}/submissions`. */
        ContestProblemView: {
            /** @description Label in the contest: `A`, `B`, and so on. */
            label: string;
            /** @description Name in URLs. */
            slug: string;
            /** @description Display name. */
            title: string;
        };
        /** @description A contest, as you see it. */
        ContestView: components["schemas"]["ContestLine"] & {
            /** @description Description, in Markdown. */
            description: string;
            /** @description The description as HTML, on request. HTML tags in the Markdown are escaped. */
            description_html?: string | null;
            /**
             * Format: int64
             * @description ICPC: penalty for each rejected try before a solution, in whole minutes.
             */
            penalty_minutes?: number | null;
            /**
             * Format: int64
             * @deprecated
             * @description Deprecated: the penalty in seconds. Use `penalty_minutes`.
             */
            penalty_seconds?: number | null;
            /**
             * Format: int64
             * @description Number of seconds before the end at which the standings freeze; `null`: no freeze.
             */
            freeze_seconds?: number | null;
            /** @description Whether the freeze has been lifted. */
            unfrozen: boolean;
            /** @description The problems; `null` until your own start, unless the contest is over or you may change it. */
            problems?: components["schemas"]["ContestProblemView"][] | null;
            participation?: components["schemas"]["ParticipationView"] | null;
            /** @description Whether you may change the contest. */
            may_change: boolean;
            /** @description Code with which users may join if the contest is not public; `null` if you may not change the contest. */
            join_code?: string | null;
        };
        /** @description Confirmation by password. */
        DeleteRequest: {
            /** Format: password */
            password: string;
        };
        /** @description Distribution of CPU time and memory of a problem's accepted solutions. */
        DistributionView: {
            /**
             * Format: int64
             * @description Number of users with accepted solutions among the latest 20,000 submissions.
             */
            users: number;
            /** @description Whether solutions are omitted because the freeze of a contest hides them. They appear when the freeze is lifted. */
            frozen: boolean;
            execution_time_ms?: components["schemas"]["HistogramView"] | null;
            memory_used_kb?: components["schemas"]["HistogramView"] | null;
        };
        /**
         * @description A text to save.
         * @example {
         *       "text": "print(int(input()) * 2)\n"
         *     }
         */
        DraftRequest: {
            /** @description The text. Its maximum size is that of a submission's source. */
            text: string;
            /**
             * @description Whether this save starts a new revision, even if it would otherwise change the newest one. The previous revision
             *     then stays in the history. A save of a text that is already saved starts none.
             */
            begins_revision?: boolean;
        };
        /** @description A revision of a draft, with its text. */
        DraftView: {
            /**
             * Format: int64
             * @description Number of the revision, which is also the `ETag`. Later revisions of a draft have higher numbers.
             * @example 1790000000000000
             */
            revision: number;
            /**
             * Format: date-time
             * @description Time at which the revision was last saved (RFC 3339).
             */
            saved_at: string;
            /** @description The text. */
            text: string;
        };
        /** @description The editorial of a problem, in one language. */
        EditorialView: {
            /** @description The editorial. */
            editorial: components["schemas"]["StatementView"];
            /** @description Languages of the available editorials. */
            languages: string[];
        };
        /**
         * @description The `data` of an event; its fields depend on the event's name.
         * @example {
         *       "seq": 4294967298,
         *       "stream": "stdout",
         *       "submission_id": "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a",
         *       "t": "2026-11-20T07:00:00.123Z",
         *       "text": "42\n"
         *     }
         */
        EventData: {
            /** @description The submission. */
            submission_id: string;
            /**
             * Format: int64
             * @description Sequence number of the event: later events have larger numbers. `scheduled` and `gap` are not in the log. They
             *     have the number of the last event that you received, or 0.
             */
            seq: number;
            /**
             * Format: date-time
             * @description Time of the event.
             */
            t: string;
            /**
             * Format: int64
             * @description `queued`: position in the queue, 1 for the run that is due next. It is an estimate, because the queue serves
             *     users in turn and prefers urgent priorities. Omitted if the run no longer waits, or if 1,000
             *     or more runs wait before it.
             */
            position?: number | null;
            /**
             * @description `queued`: a language that the submission needs and no worker has yet, because workers are pulling its container
             *     image. The submission starts when a worker has the image. Omitted without `position`, and after a failed pull.
             */
            pulling?: string | null;
            /**
             * Format: int32
             * @description `started`: number of the attempt. Discard the output of earlier attempts.
             */
            attempt?: number | null;
            /** @description `test.start`, `output`, `test.end`: name of the test, if there are tests. */
            test?: string | null;
            /** @description `compile.end`: whether compilation succeeded. */
            ok?: boolean | null;
            /** @description `compile.end`: whether the result came from the cache. */
            cached?: boolean | null;
            /** @description `output`: `stdout` or `stderr`. */
            stream?: string | null;
            /**
             * @description `output`: the bytes written, if they are UTF-8. `compile.end`: the beginning of the compiler's output, up to 16
             *     KiB, if there is any.
             */
            text?: string | null;
            /** @description `output`, `compile.end`: the same bytes, if they are not UTF-8. */
            base64?: string | null;
            /** @description `test.end`, `verdict`: the verdict. */
            verdict?: string | null;
            /**
             * Format: int64
             * @description `test.end`: CPU time in milliseconds. Time and memory are omitted for hidden tests of a problem.
             */
            execution_time_ms?: number | null;
            /**
             * Format: int64
             * @description `compile.end`, `test.end`: wall-clock time in milliseconds.
             */
            wall_time_ms?: number | null;
            /**
             * Format: int64
             * @description `test.end`: peak memory in KiB.
             */
            memory_used_kb?: number | null;
            /**
             * Format: date-time
             * @description `scheduled`: time at which the submission is due.
             */
            run_at?: string | null;
            start?: components["schemas"]["StartView"] | null;
            accuracy?: components["schemas"]["AccuracyView"] | null;
        };
        /** @description A file that was read back after the execution. */
        FetchedFileView: {
            /** @description Path of the file in the working directory. */
            path: string;
            /** @description Content of the file, as base64. */
            content_base64: string;
            /**
             * @description Whether the content is only the beginning of the file: at most 8 MiB are kept of the output and all files
             *     together, unless the operator sets another maximum.
             */
            truncated: boolean;
        };
        /** @description One error at one location in the body. */
        FieldError: {
            /**
             * @description JSON Pointer (RFC 6901) to the location, such as `/tests/0/stdin`; empty for the whole body. For
             *     `invalid-package`: the file in the archive.
             */
            pointer: string;
            /** @description Description of the error. */
            detail: string;
            /**
             * @description Stable name of the kind of error, on which clients branch. Omitted if the error has no kind of its own, for
             *     example if a value has a wrong type. `docs/errors.md` lists the names.
             */
            code?: string | null;
        };
        /** @description A file in the sandbox. One of `content` and `content_base64` is required. */
        FileRequest: {
            /**
             * @description A relative path such as `src/helper.py`: at most 1,024 bytes and 32 components, each of at most 255 bytes. The
             *     pattern cannot count bytes. For paths with non-ASCII characters, it permits only shorter paths than the server.
             */
            path: string;
            /** @description The content as text. */
            content?: string | null;
            /** @description The content as base64, for binary data. */
            content_base64?: string | null;
        } & ({
            content: string;
        } | {
            content_base64: string;
        });
        /** @description A file. */
        FileView: {
            /** @description Name, as used in the text. */
            name: string;
            /** @description URL of the file. */
            url: string;
            /**
             * Format: int64
             * @description Size in bytes.
             */
            bytes: number;
        };
        /** @description Result of a submission to a problem. */
        GradedView: {
            /** @description The problem's slug, if the problem still exists. */
            slug?: string | null;
            /**
             * Format: int32
             * @description Number of the problem version against which the submission was judged.
             */
            version?: number | null;
            /** @description SHA-256 of that version's package. */
            package: string;
            /**
             * @description Purpose: `submission` (judged on all tests; it counts), `samples`, `custom_input` or `verification` (of the
             *     problem's package).
             */
            purpose: string;
            /**
             * Format: double
             * @description The score, if the problem has scores and judging was completed.
             */
            score?: number | null;
            /**
             * Format: double
             * @description The maximum score, if there is one.
             */
            max_score?: number | null;
            /** @description The groups of tests. */
            groups: components["schemas"]["GroupView"][];
            /** @description The tests in order, including those that were not run. */
            tests: components["schemas"]["ProblemTestView"][];
            /** @description For the problem's authors: the reason for the result. */
            author_message?: string | null;
            /**
             * @description The function's return value, as JSON text, if it was called with your own arguments. `stdout` has its printed
             *     output.
             */
            returned?: string | null;
            /**
             * @description The conversation between your program and the problem's interactor on your own input, if there is an interactor.
             *     Lines from your program begin with `>`, lines from the interactor with `<`. If it is long, its end is cut off.
             */
            conversation?: string | null;
            verification?: components["schemas"]["VerificationView"] | null;
        };
        /** @description A group of tests. */
        GroupView: {
            /** @description The group's name. */
            name: string;
            /** @description The group's verdict; `SK`: the group was not run. */
            verdict: string;
            /**
             * Format: double
             * @description The group's score, if it has one.
             */
            score?: number | null;
            /**
             * Format: double
             * @description The group's maximum score, if there is one.
             */
            max_score?: number | null;
            /** @description For the problem's authors: why the group was not run, or the error in the group. */
            reason?: string | null;
        };
        /** @description Histogram: number of users per range of values. */
        HistogramView: {
            /**
             * Format: int64
             * @description Beginning of the first bin.
             */
            first: number;
            /**
             * Format: int64
             * @description Width of a bin.
             */
            width: number;
            /** @description Number of users per bin. The last bin also counts all larger values. */
            users: number[];
            /**
             * Format: int64
             * @description Your own value, rounded up like the values of other users; `null` if you have no accepted solution.
             */
            own?: number | null;
            /**
             * Format: int64
             * @description Share of the other users whose value is larger than yours, in whole percent.
             */
            better_than_percent?: number | null;
        };
        /**
         * @description Position of a page of submissions: `page`, `limit` and `total` for a page by number, `limit` and `next_cursor` for a
         *     page by cursor.
         */
        HistoryPagination: {
            /**
             * Format: int64
             * @description Page number, from 1.
             */
            page?: number | null;
            /**
             * Format: int64
             * @description Entries per page.
             */
            limit: number;
            /**
             * Format: int64
             * @description Total number of entries.
             */
            total?: number | null;
            /** @description The `cursor` of the next page; `null`: this is the last page. */
            next_cursor?: string | null;
        };
        /**
         * @description A key to create.
         * @example {
         *       "expires_at": "2030-01-01T00:00:00Z",
         *       "name": "ci",
         *       "scopes": [
         *         "runs:read",
         *         "runs:write"
         *       ]
         *     }
         */
        KeyRequest: {
            /** @description Display name. */
            name: string;
            /** @description The key's scopes; `runs:read` and `runs:write` by default. */
            scopes?: components["schemas"]["ScopeName"][];
            /**
             * Format: date-time
             * @description Time at which the key expires; never by default. Required if a key that expires creates the key.
             */
            expires_at?: string | null;
        };
        /** @description A key, without its secret. */
        KeyView: {
            key_id: string;
            name: string;
            scopes: components["schemas"]["ScopeName"][];
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            expires_at?: string | null;
            /**
             * Format: date-time
             * @description Time of the last use, accurate to the minute.
             */
            last_used_at?: string | null;
            /** Format: date-time */
            revoked_at?: string | null;
        };
        /** @description Your keys. */
        KeyViews: {
            /** @description The keys, newest first, including revoked and expired keys. */
            keys: components["schemas"]["KeyView"][];
        };
        /**
         * @description Kind of participation.
         * @enum {string}
         */
        KindName: "official" | "virtual";
        /** @description Limits of one language. */
        LanguageLimitsView: {
            /** @description The language's id. */
            language: string;
            /**
             * Format: int64
             * @description CPU time per test, in milliseconds.
             */
            cpu_time_ms?: number | null;
            /**
             * Format: int64
             * @description Memory per test, in KiB.
             */
            memory_kb: number;
        };
        /**
         * @description A language.
         * @example {
         *       "aliases": [
         *         "python3",
         *         "py"
         *       ],
         *       "available": true,
         *       "compiled": false,
         *       "display_name": "Python 3.11",
         *       "executor": null,
         *       "extensions": [
         *         "py"
         *       ],
         *       "image": null,
         *       "image_digest": null,
         *       "images": [],
         *       "language_id": "python",
         *       "libraries": [
         *         {
         *           "name": "NumPy",
         *           "version": "1.24.2"
         *         }
         *       ],
         *       "limits": {
         *         "cpu_time_ms": 10000,
         *         "disk_kb": 131072,
         *         "file_size_kb": 65536,
         *         "idle_time_ms": 15000,
         *         "inodes": 4096,
         *         "memory_kb": 262144,
         *         "open_files": 256,
         *         "output_kb": 65536,
         *         "processes": 64,
         *         "stack_kb": 65536,
         *         "wall_time_ms": 30000
         *       },
         *       "limits_max": {
         *         "cpu_time_ms": 60000,
         *         "disk_kb": 524288,
         *         "file_size_kb": 262144,
         *         "idle_time_ms": 180000,
         *         "inodes": 16384,
         *         "memory_kb": 1048576,
         *         "open_files": 1024,
         *         "output_kb": 65536,
         *         "processes": 256,
         *         "stack_kb": 262144,
         *         "wall_time_ms": 180000
         *       },
         *       "max_memory_mb": 256,
         *       "pulling": false,
         *       "source_file": "main.py",
         *       "timeout_seconds": 10,
         *       "unavailable_reason": null,
         *       "version": "3.11.2",
         *       "version_of": null
         *     }
         */
        LanguageView: {
            /** @description Id of the language, to be sent as `language`. */
            language_id: string;
            /** @description Display name. */
            display_name: string;
            /**
             * Format: int64
             * @description Default CPU time of a program, in seconds, rounded up.
             */
            timeout_seconds: number;
            /**
             * Format: int64
             * @description Default memory of a program, in MiB.
             */
            max_memory_mb: number;
            /** @description Whether this server, or a worker of its cluster, has the language. */
            available: boolean;
            /**
             * @description Whether it is not available yet because workers are pulling its container image. Submissions are accepted and
             *     wait.
             */
            pulling: boolean;
            /** @description Why the language is not available. */
            unavailable_reason?: string | null;
            /** @description Version that was found on the machines that run programs. */
            version?: string | null;
            /** @description Id of the language of which this entry is another version. The field `version` of a request selects a version. */
            version_of?: string | null;
            /**
             * @description The container image that contains the toolchain; null if the toolchain is installed on the machines that run
             *     programs.
             */
            image?: string | null;
            /**
             * @description Where programs of the image run. `native` is the server's own sandbox, `docker` is Docker Engine. Null without
             *     an image.
             */
            executor?: string | null;
            /** @description Digest of the container image. */
            image_digest?: string | null;
            /** @description Images that a request for this language may name as `image`. */
            images: string[];
            /** @description Libraries that programs can use here in addition to those of the toolchain. */
            libraries: components["schemas"]["LibraryView"][];
            /** @description Other ids of the language. */
            aliases: string[];
            /** @description File-name extensions, without the dot. */
            extensions: string[];
            /** @description File name of `source_code` in the sandbox. */
            source_file: string;
            /** @description Whether programs are compiled before they run. */
            compiled: boolean;
            /** @description Default limits of a program. */
            limits: components["schemas"]["LimitsView"];
            /** @description Maximum limits of a program. */
            limits_max: components["schemas"]["LimitsView"];
        };
        /** @description The languages. */
        LanguageViews: {
            /** @description The languages, sorted by id. */
            languages: components["schemas"]["LanguageView"][];
        };
        /**
         * @description A library.
         * @example {
         *       "name": "NumPy",
         *       "version": "1.24.2"
         *     }
         */
        LibraryView: {
            /** @description Name of the library. */
            name: string;
            /** @description The installed version. */
            version: string;
        };
        /** @description The limits that applied. Names and units are those of the request. */
        LimitsView: {
            /** Format: int64 */
            cpu_time_ms: number;
            /** Format: int64 */
            wall_time_ms: number;
            /** Format: int64 */
            idle_time_ms: number;
            /** Format: int64 */
            instructions?: number | null;
            /** Format: int64 */
            memory_kb: number;
            /** Format: int64 */
            address_space_kb?: number | null;
            /** Format: int32 */
            processes: number;
            /** Format: int32 */
            open_files: number;
            /** Format: int64 */
            file_size_kb: number;
            /** Format: int64 */
            disk_kb: number;
            /** Format: int64 */
            inodes: number;
            /** Format: int64 */
            output_kb: number;
            /** Format: int64 */
            stack_kb: number;
        };
        /**
         * @description The account whose password a one-time link sets.
         * @example {
         *       "username": "ada"
         *     }
         */
        LinkAccount: {
            username: string;
        };
        /**
         * @description The token of a one-time link.
         * @example {
         *       "token": "cul_…"
         *     }
         */
        LinkRequest: {
            /** @description The text after `#` or `token=` in the link. */
            token: string;
        };
        /** @description A contest of the list. */
        ListedContest: components["schemas"]["ContestLine"] & {
            participation?: components["schemas"]["ParticipationView"] | null;
        };
        /**
         * @description Log-in credentials.
         * @example {
         *       "email": "ada@example.com",
         *       "password": "correct horse battery"
         *     }
         */
        LoginRequest: {
            /** @description The e-mail address or the user name. Exactly one of `email` and `username` is required. */
            email?: string | null;
            /** @description Another name for `email`. */
            username?: string | null;
            /**
             * Format: password
             * @description The password.
             */
            password: string;
        } & (({
            email: string;
        } | {
            username: string;
        }) & unknown);
        /** @description Your account. */
        Me: {
            user_id: string;
            username: string;
            /** @description `null`: no address is known. */
            email?: string | null;
            /** @description `user`, `author` or `admin`. */
            role: string;
            /** @description The tier that sets your rate limits. */
            tier: string;
            /** @description Scopes of the credentials you used. */
            scopes: string[];
            /** @description Whether leaderboards show you. The standings of contests show every participant. */
            in_leaderboards: boolean;
            /** Format: date-time */
            created_at: string;
        };
        /**
         * @description Settings of your account to change.
         * @example {
         *       "in_leaderboards": false
         *     }
         */
        MeChange: {
            /**
             * @description Whether leaderboards show you: the leaderboards of problems and the global leaderboard. If not, they omit you,
             *     and other users move up. The standings of contests show every participant.
             */
            in_leaderboards: boolean;
        };
        /** @description A new key with its text. */
        NewKeyView: {
            /** @description For `Authorization: Bearer`. Shown only in this response. */
            api_key: string;
            /** @description The created key. */
            key: components["schemas"]["KeyView"];
        };
        /**
         * @description Why the content of a file was omitted.
         * @enum {string}
         */
        OmissionView: "file_too_large" | "no_room" | "too_many";
        /** @description A page of the programs that you share. */
        OwnSnippetPage: {
            /** @description The programs, most recently shared first. */
            snippets: components["schemas"]["OwnSnippetView"][];
            /** @description Page number, entries per page and total. */
            pagination: components["schemas"]["Pagination"];
        };
        /** @description A program that you share. */
        OwnSnippetView: {
            /** @description Id of the snippet. */
            snippet_id: string;
            /** @description Address of the page that shows the program. */
            url: string;
            /** @description Id of the language. */
            language: string;
            /** @description The program's title. If it has none, the first non-blank line of the main source, up to 120 characters. */
            title: string;
            /**
             * Format: date-time
             * @description Time at which you last shared the program (RFC 3339).
             */
            shared_at: string;
        };
        /** @description Position of a page. */
        Pagination: {
            /**
             * Format: int64
             * @description Page number, from 1.
             */
            page: number;
            /**
             * Format: int64
             * @description Entries per page.
             */
            limit: number;
            /**
             * Format: int64
             * @description Total number of entries.
             */
            total: number;
        };
        /**
         * @description How to take part.
         * @example {
         *       "kind": "official"
         *     }
         */
        ParticipationRequest: {
            /** @description Kind of participation. */
            kind: components["schemas"]["KindName"];
            /** @description The `join_code` of a contest that is not public: ten letters and digits, case-insensitive. */
            join_code?: string | null;
            /**
             * @deprecated
             * @description Former name of `join_code`.
             */
            code?: string | null;
        } & unknown;
        /** @description A user's participation. */
        ParticipationView: {
            /** @description `official` or `virtual`. */
            kind: string;
            /**
             * Format: date-time
             * @description Start of the user's time.
             */
            starts_at: string;
            /**
             * Format: date-time
             * @description End of the user's time.
             */
            ends_at: string;
        };
        /**
         * @description A new password and, as confirmation, the old one.
         * @example {
         *       "old_password": "correct horse battery",
         *       "password": "staple correct horse"
         *     }
         */
        PasswordRequest: {
            /** Format: password */
            old_password: string;
            /**
             * Format: password
             * @description The new password: 8 to 256 characters; not the user name or the e-mail address.
             */
            password: string;
        };
        /** @description Numbers of public problems by difficulty. */
        ProblemCounts: {
            /** Format: int64 */
            easy: number;
            /** Format: int64 */
            medium: number;
            /** Format: int64 */
            hard: number;
        };
        /** @description Limits of a submission. */
        ProblemLimitsView: {
            /**
             * Format: int64
             * @description CPU time per test, in milliseconds. `null`: the package sets no limit and has not been verified; submissions get
             *     10 seconds.
             */
            cpu_time_ms?: number | null;
            /** @description Whether verification derived `cpu_time_ms` from the package's own submissions. */
            is_time_limit_derived: boolean;
            time_limit_start?: components["schemas"]["StartView"] | null;
            /**
             * Format: int64
             * @description Memory per test, in KiB.
             */
            memory_kb: number;
            /**
             * Format: int64
             * @description Standard output per test, in KiB.
             */
            output_kb: number;
            /**
             * Format: int64
             * @description Size of the source, in bytes.
             */
            source_bytes: number;
            /** @description Permitted languages; for a function problem, the languages in which the function can be called. `null`: all. */
            languages?: string[] | null;
            /** @description Languages with their own limits. */
            per_language: components["schemas"]["LanguageLimitsView"][];
        };
        /** @description A problem, without its statement. */
        ProblemLineView: {
            /** @description Name in URLs. */
            slug: string;
            /** @description Display name. */
            title: string;
            /** @description `easy`, `medium` or `hard`, if set. `null` for participants of a running contest that has the private problem. */
            difficulty?: string | null;
            /** @description Topics of the problem. Empty for participants of a running contest that has the private problem. */
            tags: string[];
            /** @description `draft`, `private` or `public`. */
            visibility: string;
            /**
             * Format: int32
             * @description Number of the current version.
             */
            version: number;
            statistics?: components["schemas"]["StatisticsView"] | null;
            standing?: components["schemas"]["StandingView"] | null;
            /**
             * Format: date-time
             * @description Time at which the problem was created.
             */
            created_at: string;
        };
        /** @description A page of problems. */
        ProblemPage: {
            problems: components["schemas"]["ProblemLineView"][];
            /** @description The tags of all matching problems, most frequent first, at most 500. Only if you asked for them. */
            tags?: components["schemas"]["TagCount"][] | null;
            pagination: components["schemas"]["Pagination"];
        };
        /** @description A test of a problem. */
        ProblemTestView: {
            /**
             * Format: int64
             * @description The test's number, from 1.
             */
            number: number;
            /** @description The test's name, if you may know it. */
            name?: string | null;
            /** @description Whether the test is visible to contestants, for example as a sample in the statement or as your own input. */
            is_shown: boolean;
            /** @description The test's verdict, `SK` if it was not run; `null` if the problem hides the results of individual tests. */
            verdict?: string | null;
            /**
             * Format: double
             * @description The test's score, if it has one.
             */
            score?: number | null;
            /**
             * Format: int64
             * @description CPU time in milliseconds, if the test is visible; always for the problem's authors.
             */
            execution_time_ms?: number | null;
            /**
             * Format: int64
             * @description Peak memory in KiB (see `memory_used_kb` of the submission), if the test is visible; always for the problem's
             *     authors.
             */
            memory_used_kb?: number | null;
            start?: components["schemas"]["StartView"] | null;
            accuracy?: components["schemas"]["AccuracyView"] | null;
            /**
             * Format: int32
             * @description Your program's exit code, if the test is visible and the program exited by itself.
             */
            exit_code?: number | null;
            /**
             * Format: int32
             * @description The number of the signal that ended your program, if the test is visible and a signal ended the program. Absent
             *     if SIGKILL ended it for a limit.
             */
            signal?: number | null;
            /**
             * @description The beginning of the test's input (up to 16 KiB), if you may see the test. Only in the response of `GET
             *     /submissions/{submission_id}`, which has up to 256 KiB of such texts, those of failed tests first.
             */
            input?: string | null;
            /**
             * @description The beginning of the expected output, or of one of several accepted outputs; present under the same conditions
             *     as `input`.
             */
            expected_output?: string | null;
            /** @description Whether `input` or `expected_output` was truncated; present with them. */
            truncated?: boolean | null;
            /** @description Your program's standard output, if the test is visible. */
            stdout?: string | null;
            /** @description Your program's standard error, if the test is visible. */
            stderr?: string | null;
            /**
             * @description The conversation between your program and the problem's interactor, if there is an interactor and the test is
             *     visible. Lines from your program begin with `>`, lines from the interactor with `<`. If it is long, its end is
             *     cut off.
             */
            conversation?: string | null;
            /** @description The checker's message to the judge, if the test is visible; always for the problem's authors. */
            judge_message?: string | null;
            /** @description The checker's message to contestants, if the test is visible; always for the problem's authors. */
            message?: string | null;
        };
        /** @description A problem. */
        ProblemView: {
            /** @description The fields that lists show. */
            problem: components["schemas"]["ProblemLineView"];
            statement?: components["schemas"]["StatementView"] | null;
            /** @description Languages of the available statements. */
            statement_languages: string[];
            /** @description Whether the problem has an editorial that you may read now. */
            has_editorial: boolean;
            /** @description The sample cases: the first 50. */
            samples: components["schemas"]["SampleView"][];
            /**
             * Format: int64
             * @description Total number of sample cases.
             */
            samples_total: number;
            /**
             * Format: int64
             * @description Number of tests of a submission, including the samples.
             */
            tests_total: number;
            /** @description Limits of a submission. */
            limits: components["schemas"]["ProblemLimitsView"];
            /** @description Whether submissions communicate with a program of the problem. */
            is_interactive: boolean;
            /** @description Whether the problem has scores. */
            has_scores: boolean;
            /**
             * Format: double
             * @description The maximum score, if there is one.
             */
            max_score?: number | null;
            /** @description Names of the authors. */
            authors: string[];
            /** @description Where the problem was first used. */
            source?: string | null;
            /** @description Licence, if known. */
            licence?: string | null;
            /** @description Holder of the rights, if known. */
            rights_owner?: string | null;
            /** @description Attached files for contestants. */
            attachments: components["schemas"]["FileView"][];
            /** @description Code to start from, in every supported language, if the problem asks for a function or a class. */
            starter_code: components["schemas"]["StarterView"][];
            /** @description Whether you may change the problem. */
            may_change: boolean;
            /** @description For users who may change the problem: whether the current version passed verification; `null`: not verified yet. */
            is_verified?: boolean | null;
        };
        /** @description Numbers of public problems a user has solved. */
        ProgressView: {
            /**
             * Format: int64
             * @description Number of all problems solved, including those without a difficulty.
             */
            solved: number;
            /**
             * Format: int64
             * @description Number of easy problems solved.
             */
            easy: number;
            /**
             * Format: int64
             * @description Number of medium problems solved.
             */
            medium: number;
            /**
             * Format: int64
             * @description Number of hard problems solved.
             */
            hard: number;
            /**
             * Format: int64
             * @description Number of problems tried but not solved.
             */
            attempted: number;
            /**
             * Format: date-time
             * @description Time at which the user most recently solved a new problem.
             */
            last_solved_at?: string | null;
        };
        /**
         * @description A language whose image a worker is pulling.
         * @example {
         *       "failure": null,
         *       "language_id": "python-course"
         *     }
         */
        PullingView: {
            /** @description Id of the language. */
            language_id: string;
            /** @description Why the last attempt failed; null before the first failure. The worker tries again. */
            failure?: string | null;
        };
        /**
         * @description A question.
         * @example {
         *       "problem": "A",
         *       "question": "May n be 0?"
         *     }
         */
        QuestionRequest: {
            /** @description Problem that the question is about: its letter in the contest or its slug; omitted: the whole contest. */
            problem?: string | null;
            /** @description The question; not blank. */
            question: string;
        };
        /** @description State of the queue. */
        QueueView: {
            /**
             * Format: int64
             * @description Runs that wait for a worker.
             */
            queued: number;
            /**
             * Format: int64
             * @description Runs that wait for their `run_at`.
             */
            scheduled: number;
            /**
             * Format: int64
             * @description Runs that a worker is executing.
             */
            running: number;
            /**
             * Format: date-time
             * @description Time at which the longest-waiting run became ready to run.
             */
            oldest_queued_at?: string | null;
            /**
             * Format: int64
             * @description Number of hints in the queue. A hint announces to workers that a run is ready.
             */
            depth: number;
            /**
             * Format: int64
             * @description Maximum of `depth`. While it is reached, submissions are refused with 503.
             */
            depth_max: number;
            /** @description Queued runs for which no live worker has all languages, grouped by these languages. */
            unserved: components["schemas"]["UnservedView"][];
            /**
             * Format: int64
             * @description Number of dead letters: see `/admin/dead-letters`.
             */
            dead_letters: number;
        };
        /** @description A limit on requests, which is restored over time. */
        RateView: {
            /** @description `submissions` or `reads`. */
            name: string;
            /**
             * Format: int32
             * @description Requests per window.
             */
            quota: number;
            /**
             * Format: int64
             * @description Length of the window, in seconds.
             */
            window_seconds: number;
            /**
             * Format: int32
             * @description Requests that are possible at once.
             */
            burst: number;
            /**
             * Format: int32
             * @description Requests that are possible now.
             */
            remaining: number;
        };
        /**
         * @description A new account.
         * @example {
         *       "email": "ada@example.com",
         *       "password": "correct horse battery",
         *       "username": "ada"
         *     }
         */
        RegisterRequest: {
            /** @description 3 to 32 characters out of `A-Z a-z 0-9 _ . -`; does not begin with `deleted-`, in upper or lower case. */
            username: string;
            /**
             * Format: email
             * @description E-mail address, which can also be used to log in. Required without `join_code`.
             */
            email?: string | null;
            /**
             * Format: password
             * @description 8 to 256 characters; not the user name or the e-mail address.
             */
            password: string;
            /**
             * @description A join code from an administrator. Successful registrations with a code do not count against your IP address,
             *     and are possible while registration is closed.
             */
            join_code?: string | null;
        } & ({
            email: string;
        } | {
            join_code: string;
        });
        /**
         * @description The created account.
         * @example {
         *       "email": "ada@example.com",
         *       "message": "User registered successfully",
         *       "user_id": "0199a4e2-c5d0-7f3e-8a51-0d4b7c1f2e3a",
         *       "username": "ada"
         *     }
         */
        Registered: {
            user_id: string;
            username: string;
            /** @description Omitted if the account has no e-mail address. */
            email?: string | null;
            message: string;
        };
        /**
         * @description A new password, with a one-time link.
         * @example {
         *       "password": "staple correct horse",
         *       "token": "cul_…"
         *     }
         */
        ResetRequest: {
            /** @description The text after `#` or `token=` in the link. */
            token: string;
            /**
             * Format: password
             * @description The new password: 8 to 256 characters; not the user name or the e-mail address.
             */
            password: string;
        };
        /** @description The revisions of a draft. */
        RevisionList: {
            /** @description The revisions, newest first. The operator sets how many revisions of a draft are stored. */
            revisions: components["schemas"]["RevisionView"][];
        };
        /** @description A revision of a draft. */
        RevisionView: {
            /**
             * Format: int64
             * @description Number of the revision, which is also the `ETag`. Later revisions of a draft have higher numbers.
             * @example 1790000000000000
             */
            revision: number;
            /**
             * Format: date-time
             * @description Time at which the revision was last saved (RFC 3339).
             */
            saved_at: string;
            /**
             * Format: int64
             * @description Size of the text.
             */
            bytes: number;
        };
        /** @description A participant's line. */
        RowView: {
            /**
             * Format: int32
             * @description Rank, from 1; equal results share a rank. Virtual participants get the rank that their result would have had in
             *     the contest.
             */
            rank: number;
            /** @description The participant. */
            username: string;
            /** @description `official` or `virtual`. */
            kind: string;
            /**
             * Format: int32
             * @description Number of problems solved. In a contest with IOI scoring, the number of problems with points.
             */
            solved: number;
            /**
             * Format: int64
             * @description Penalty in minutes, for ICPC scoring.
             */
            penalty_minutes?: number | null;
            /**
             * Format: double
             * @description Sum of the best scores, for IOI scoring.
             */
            score?: number | null;
            /** @description One entry per problem. */
            problems: components["schemas"]["CellView"][];
        };
        /** @description A run that a worker executes. */
        RunningView: {
            submission_id: string;
            /** @description Name of the submission's owner. */
            username: string;
            /** @description The submission's language; `null` for the verification of a package. */
            language?: string | null;
            /** @description The problem of the submission, if any. */
            problem?: string | null;
            /**
             * Format: int32
             * @description Number of the current attempt, from 1.
             */
            attempt: number;
            /**
             * Format: date-time
             * @description When the first attempt began.
             */
            started_at: string;
            worker_id: string;
            /** @description Name of the worker, if it is known. */
            worker_name?: string | null;
        };
        /** @description The runs that workers execute. */
        RunningViews: {
            /** @description The runs, longest first, at most 200. */
            running: components["schemas"]["RunningView"][];
        };
        /** @description A sample case. */
        SampleView: {
            /** @description Name in results. */
            name: string;
            /** @description The input. For an interactive problem, the interactor reads the input, not your program. */
            input?: string | null;
            /** @description The expected output, or one of several accepted outputs. */
            output?: string | null;
            /** @description The communication: lines that begin with `<` are from the judge, lines with `>` from the submission. */
            conversation?: string | null;
            /** @description Whether a part was truncated. */
            truncated: boolean;
        };
        /**
         * @description Scope of a key.
         * @enum {string}
         */
        ScopeName: "runs:read" | "runs:write" | "problems:write" | "account" | "admin";
        /** @description A submitted file. One of `content` and `content_base64` is present. */
        SentFileView: {
            /** @description Path of the file. */
            path: string;
            /** @description The content as text. */
            content?: string | null;
            /** @description The content as base64, if it is not text. */
            content_base64?: string | null;
        };
        /** @description A page of submissions to a problem. */
        SentPage: {
            submissions: components["schemas"]["SummaryView"][];
            pagination: components["schemas"]["Pagination"];
        };
        /** @description The guest of a session. */
        SessionGuest: {
            /** @description The guest's id, for `X-Cupel-Site`. */
            user_id: string;
        };
        /** @description Who is signed in. */
        SessionState: {
            user?: components["schemas"]["SessionUser"] | null;
            guest?: components["schemas"]["SessionGuest"] | null;
            /** @description Whether visitors may run programs as guests (`POST /auth/guest`). */
            guests_allowed: boolean;
            /** @description Whether anybody may register. Otherwise a join code is needed. */
            registration_open: boolean;
        };
        /** @description The user of a session. */
        SessionUser: {
            /** @description The user's id. */
            user_id: string;
            /** @description The user name. */
            username: string;
            /** @description `user`, `author` or `admin`. */
            role: string;
        };
        /** @description A session: one log-in on one device. */
        SessionView: {
            session_id: string;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description Time of the last refresh. A session in use is refreshed each time its access token expires.
             */
            last_used_at?: string | null;
            /** Format: date-time */
            expires_at: string;
            /** @description The `User-Agent` header of the log-in: at most 200 characters, without control characters. */
            user_agent?: string | null;
            /** @description Whether this is the session of this request. */
            current: boolean;
        };
        /** @description Your sessions. */
        SessionViews: {
            /** @description Newest first. */
            sessions: components["schemas"]["SessionView"][];
        };
        /** @description The link of a shared program. */
        SnippetCreated: {
            /**
             * @description Id of the snippet: 22 characters. The same program always has the same id.
             * @example mF_9TqS0b3kX1yZvQe2cJw
             */
            snippet_id: string;
            /** @description Address of the page that shows the program. */
            url: string;
        };
        /** @description A file of a program to share: text only. */
        SnippetFileRequest: {
            /**
             * @description A relative path such as `src/helper.py`: at most 1,024 bytes and 32 components, each of at most 255 bytes. The
             *     pattern of the schema counts characters, so it is stricter than the server for paths with non-ASCII characters.
             */
            path: string;
            /** @description The content. */
            content: string;
        };
        /** @description A file of a shared program. */
        SnippetFileView: {
            /** @description Path of the file. */
            path: string;
            /** @description The content. */
            content: string;
        };
        /** @description Limits of a shared program. */
        SnippetLimits: {
            /**
             * Format: int64
             * @description CPU time of all processes together, in milliseconds.
             */
            cpu_time_ms?: number | null;
            /**
             * Format: int64
             * @description Memory of all processes together, in KiB.
             */
            memory_kb?: number | null;
        };
        /**
         * @description A program to share. Its texts have at most 256 KiB together, unless the operator sets another maximum.
         * @example {
         *       "input": "21",
         *       "language": "python",
         *       "source_code": "print(int(input()) * 2)",
         *       "title": "Doubling"
         *     }
         */
        SnippetRequest: {
            /** @description Id or alias of a language, see `GET /languages`; case-insensitive. */
            language: string;
            /** @description The main source; never empty. */
            source_code: string;
            /** @description Additional files. */
            files?: components["schemas"]["SnippetFileRequest"][];
            /** @description Arguments after the program's name. */
            args?: string[];
            /** @description Standard input. */
            input?: string | null;
            /** @description Another name for `input`. */
            stdin?: string | null;
            limits?: components["schemas"]["SnippetLimits"] | null;
            /** @description Patterns of the files that are kept after the execution, as in `POST /execute`. */
            artifacts?: string[];
            /**
             * @description A title: text without control characters. White space at its ends is removed, and an empty title counts as
             *     absent. A program with another title is another program, with another id.
             */
            title?: string | null;
            /**
             * @description Whether the site runs the program in a terminal, in which its user types the input. The program's id depends on
             *     this value.
             */
            terminal?: boolean;
        } & (({
            source_code: string;
        } | {
            files: unknown[];
        }) & unknown & (unknown | {
            files?: unknown;
        }));
        /** @description A shared program. Its source, files, options and limits have the names that `POST /execute` uses. */
        SnippetView: {
            /** @description Id of the snippet. */
            snippet_id: string;
            /** @description Id of the language. */
            language: string;
            /** @description The main source. */
            source_code: string;
            /** @description Additional files. */
            files: components["schemas"]["SnippetFileView"][];
            /** @description Arguments after the program's name. */
            args: string[];
            /** @description Standard input. */
            input: string;
            /** @description Limits that differ from the language's defaults. */
            limits: components["schemas"]["SnippetLimits"];
            /** @description Patterns of the files that are kept after the execution. */
            artifacts: string[];
            /** @description The title, as plain text. Absent if the program has none. */
            title?: string | null;
            /** @description Whether the site runs the program in a terminal. */
            terminal: boolean;
            /**
             * Format: date-time
             * @description Time at which a user last shared the program (RFC 3339).
             */
            shared_at: string;
        };
        /**
         * @description A solution. At least one of `source_code` and `files` is required.
         * @example {
         *       "language": "python",
         *       "source_code": "print(sum(map(int, input().split())))"
         *     }
         */
        SolutionRequest: {
            /** @description Id or alias of a language, see `GET /languages`; case-insensitive. */
            language: string;
            /** @description Version of the language, if several are installed, as for `POST /execute`. */
            version?: string | null;
            /**
             * @description The main source; never empty. Cupel gives the source file the usual name for the language or, if the compiler
             *     requires it, the name of the public type in the source.
             */
            source_code?: string | null;
            /** @description Additional files. Without `source_code`, the first is the main source. */
            files?: components["schemas"]["FileRequest"][];
            /**
             * @description URL that receives the result: `http` or `https`. A host that is, or resolves to, a private or reserved address
             *     is refused, unless the operator allows it.
             */
            webhook?: string | null;
        } & (({
            source_code: string;
        } | {
            files: unknown[];
        }) & (unknown | {
            files?: unknown;
        }));
        /** @description A user's result for a problem. */
        StandingView: {
            /** @description `solved` or `attempted`. */
            state: string;
            /**
             * Format: int32
             * @description Number of tries, up to and including the first accepted one.
             */
            tries: number;
            /**
             * Format: double
             * @description Best score, if the problem has scores.
             */
            best_score?: number | null;
            /**
             * Format: int64
             * @description CPU time of the fastest accepted submission, in milliseconds, rounded up to 10 ms.
             */
            best_time_ms?: number | null;
            /**
             * Format: date-time
             * @description Time of the first accepted submission.
             */
            solved_at?: string | null;
        };
        /** @description The standings of a contest. */
        StandingsView: {
            /**
             * Format: int64
             * @description Time that the standings show, in seconds since the start of the contest. If you take part virtually, the time is
             *     counted from your own start.
             */
            elapsed_seconds: number;
            /** @description Whether some results may be hidden from you. */
            frozen: boolean;
            /** @description Labels of the problems, in order; empty before the contest begins, unless you may change it. */
            problems: string[];
            /** @description A page of lines, best first. */
            rows: components["schemas"]["RowView"][];
            own?: components["schemas"]["RowView"] | null;
            pagination: components["schemas"]["Pagination"];
        };
        /**
         * @description How a program was started.
         * @enum {string}
         */
        StartView: "warm" | "cold";
        /** @description Code to start from. */
        StarterView: {
            /** @description The language's id. */
            language: string;
            /** @description The code. */
            code: string;
        };
        /** @description The statement of a problem, or its editorial. */
        StatementView: {
            /** @description Language tag. */
            language: string;
            /**
             * @description `markdown` (with mathematics), `text`, `latex`, `html` or `pdf`. `html` comes from the author: sanitize it
             *     before you show it.
             */
            format: string;
            /** @description The text; `null` if it is a PDF, which is in `files`, or if `html` has the text. */
            text?: string | null;
            /**
             * @description The text as HTML, if it is Markdown and you requested HTML. Raw HTML in it is escaped, and its links have the
             *     scheme `http`, `https` or `mailto` or are relative. An image of the package is referred to by its `name` in
             *     `files`. Mathematics is TeX in elements with the class `math-inline` or `math-display`.
             */
            html?: string | null;
            /** @description Whether the text was truncated. */
            truncated: boolean;
            /** @description The file itself if it is not text, and the files that the text refers to, by the names that the text uses. */
            files: components["schemas"]["FileView"][];
        };
        /**
         * @description Statistics of the submissions to a problem. Submissions without a verdict, cancelled submissions, compile errors and
         *     failures of the judge are not counted; nor are, while the freeze of a contest hides them, submissions during it.
         */
        StatisticsView: {
            /**
             * Format: int64
             * @description Number of submissions.
             */
            submissions: number;
            /**
             * Format: int64
             * @description Number of accepted submissions.
             */
            accepted: number;
            /**
             * Format: int64
             * @description Number of users who have tried the problem.
             */
            attempted_by: number;
            /**
             * Format: int64
             * @description Number of users who have solved the problem.
             */
            solved_by: number;
        };
        /**
         * @description Status of a submission.
         * @enum {string}
         */
        Status: "queued" | "running" | "completed" | "failed" | "cancelled";
        /**
         * @description Scoring rules of a contest.
         * @enum {string}
         */
        StyleName: "icpc" | "ioi";
        /** @description A page of submissions, newest first. */
        SubmissionPage: {
            /** @description The page. */
            submissions: components["schemas"]["SummaryView"][];
            /** @description Position of the page. */
            pagination: components["schemas"]["HistoryPagination"];
        };
        /** @description A submission with all its data. Values that are not known (yet) are `null`. */
        SubmissionView: {
            /** @description The submission's id. */
            submission_id: string;
            /** @description The submission's status. */
            status: components["schemas"]["Status"];
            /** @description The language's id; `null` for the verification of a package. */
            language?: string | null;
            /**
             * @description Standard output. If it is not UTF-8, invalid bytes are replaced, and `stdout_base64` has the exact bytes. Empty
             *     if compilation failed; `null` if the submission has tests (see `tests`).
             */
            stdout?: string | null;
            /** @description Exact standard output; only if it is not UTF-8. */
            stdout_base64?: string | null;
            /** @description Standard error, like `stdout`. */
            stderr?: string | null;
            /** @description Exact standard error; only if it is not UTF-8. */
            stderr_base64?: string | null;
            /** @description Why compilation failed, if it did: the judge's reason, then the compiler's output. */
            compilation_error?: string | null;
            /**
             * @description How the program failed, if it did, in one sentence: its exit code, its signal or the limit. With tests, for the
             *     deciding test; for a hidden test of a problem, only the meaning of the verdict.
             */
            runtime_error?: string | null;
            /**
             * Format: int64
             * @description CPU time in milliseconds; with tests, of the slowest test. 0 if compilation failed. If hidden tests of a problem
             *     ran, the time is rounded up to 10 ms.
             */
            execution_time_ms?: number | null;
            /**
             * Format: int64
             * @description Machine instructions, without the kernel's; with tests, of the test with the most. Only if the server can count
             *     them, and if no hidden test of a problem ran.
             */
            instructions?: number | null;
            /**
             * Format: int64
             * @description Peak memory of all the program's processes together, in KiB; with tests, of the test with the most. At least
             *     1,024 if the program ran, and 0 if compilation failed. If hidden tests of a problem ran, rounded up to
             *     whole MiB.
             *
             *     `limits.memory_kb` limits the same amount: private and shared memory of the processes, files that they write to
             *     `/box`, `/tmp` and `/dev/shm`, page tables and pipes. Not counted: the program's own executable and source, its
             *     other input files, and pages of files on disk, such as the toolchain's executables and libraries. In a problem,
             *     the submission's own files are counted beyond 16 MiB in total. For a program that reached its memory limit, the
             *     figure is the limit, unless the heap of its language (Java, JavaScript) was full earlier. Warm and cold starts
             *     are measured in the same way. With control groups of version 1, the values of a program agree within 5 % from
             *     run to run. With version 2, or if the program frees much memory, they may also differ by 256 KiB for each
             *     processor of the program, and so may the values of warm and cold starts.
             *
             *     `ru_maxrss` and `VmHWM` apply to one process and include resident pages of executables and libraries. So they
             *     are larger for a program with one process (C: by 1 MiB, Python: by 5 MiB, Java: by 20 MiB) and smaller for a
             *     program with many processes. `cg-mem` of isolate is the same measure, but also counts the executable and files
             *     on disk that the program was the first to read.
             */
            memory_used_kb?: number | null;
            start?: components["schemas"]["StartView"] | null;
            accuracy?: components["schemas"]["AccuracyView"] | null;
            /**
             * Format: int32
             * @description The exit code, if the program exited by itself; with tests, of the deciding test, unless that test is hidden. If
             *     compilation failed, the exit code of the compiler; `null` if the compiler accepted the program, but the program
             *     lacks the function that the problem requires. `null` after a signal. A program that a limit ended may have an
             *     exit code, even 0, if it exited by itself before the limit was noticed, or because the heap of its language was
             *     full. So `verdict` says whether a limit was reached, not this field.
             */
            exit_code?: number | null;
            /**
             * Format: date-time
             * @description Time at which the server had received the submission.
             */
            submitted_at: string;
            /**
             * Format: date-time
             * @description Time at which the submission is due. Only if it was sent with a later `run_at` and no attempt has begun.
             */
            run_at?: string | null;
            /**
             * Format: date-time
             * @description Time at which the submission reached its final state.
             */
            completed_at?: string | null;
            /**
             * @description `AC`, `WA`, `TLE`, `ILE`, `MLE`, `OLE`, `RTE`, `CE`, `JE` or `CANCELLED`; for problems also `PT`, `PE`, `SV`,
             *     `CLE` and `SK`.
             */
            verdict?: string | null;
            /**
             * @description Human-readable explanation, if the verdict alone is not enough: the exception that ended the program, as its
             *     language prints it (`IndexError: list index out of range (line 3)`), the limit that was reached, or the first
             *     difference. Exceptions are extracted from the program's standard error: show them, but do not rely on them.
             */
            message?: string | null;
            /**
             * Format: int32
             * @description The number of the signal that ended the program, if one did. `null` if SIGKILL ended it for a limit.
             */
            signal?: number | null;
            /**
             * Format: int64
             * @description Wall-clock time in milliseconds; with tests, of the slowest test. 0 if compilation failed. `null` if hidden
             *     tests of a problem ran.
             */
            wall_time_ms?: number | null;
            /**
             * @description Whether some output was discarded: the output of all tests together is kept up to the operator's limit (8 MiB by
             *     default).
             */
            truncated?: boolean | null;
            /**
             * Format: int32
             * @description Number of attempts by workers. More than one only if a worker failed or gave the submission back, for example
             *     because it was stopped, or if the submission was judged again.
             */
            attempts: number;
            /**
             * Format: date-time
             * @description Start of the first attempt.
             */
            started_at?: string | null;
            compile?: components["schemas"]["CompileView"] | null;
            /** @description The tests, in order, up to the last that ran. */
            tests: components["schemas"]["TestView"][];
            limits?: components["schemas"]["LimitsView"] | null;
            /** @description The language version that ran the program, such as `3.11.2`. */
            language_version?: string | null;
            /**
             * @description `true` if this is the result of an earlier, identical submission of yours, returned because the request has
             *     `cache`; otherwise absent.
             */
            cached?: boolean;
            problem?: components["schemas"]["GradedView"] | null;
            /** @description The files that were requested with `fetch_files` and exist. Absent if there are none. */
            fetched_files?: components["schemas"]["FetchedFileView"][];
            /**
             * @description The files that the program left behind and that match a pattern of `artifacts`, ordered by path. At most 200 are
             *     listed. The contents of at most 100 are kept, only of files of up to 4 MiB, and up to 8 MiB of all files and the
             *     output together, unless the operator sets another maximum. Files of the request that the program did not change
             *     are omitted. Absent if there are none.
             */
            artifacts?: components["schemas"]["ArtifactView"][];
            /** @description Whether there may be more files than `artifacts` lists. Absent if not. */
            artifacts_truncated?: boolean;
            /** @description The submitted files; only from `GET /submissions/{submission_id}`. */
            files?: components["schemas"]["SentFileView"][] | null;
        };
        /** @description A submission in a list. */
        SummaryView: {
            /** @description The submission's id. */
            submission_id: string;
            /** @description The language's id; `null` for the verification of a package. */
            language?: string | null;
            /**
             * @description Purpose: `run` (a program without a problem), `submission` (a solution that counts), `samples` (a trial on a
             *     problem's samples), `custom_input` (a trial on the sender's own input) or `verification` (of a problem's
             *     package).
             */
            purpose: string;
            /** @description The submission's status. */
            status: components["schemas"]["Status"];
            /**
             * Format: date-time
             * @description Time at which the server had received the submission.
             */
            submitted_at: string;
            /**
             * Format: date-time
             * @description Time at which the submission is due. Only if it was sent with a later `run_at` and no attempt has begun.
             */
            run_at?: string | null;
            /**
             * Format: date-time
             * @description Time at which the submission reached its final state.
             */
            completed_at?: string | null;
            /** @description The verdict, once there is one. */
            verdict?: string | null;
            /**
             * Format: int64
             * @description CPU time in milliseconds. If hidden tests ran, rounded up to 10 ms, except for administrators, and for authors
             *     in the lists of their problems.
             */
            execution_time_ms?: number | null;
            /**
             * Format: int64
             * @description Peak memory in KiB. If hidden tests ran, rounded up to whole MiB, with the same exceptions.
             */
            memory_used_kb?: number | null;
            /** @description Slug of the problem of the submission; absent if there is none. */
            problem?: string | null;
            /**
             * Format: double
             * @description The score; absent if there is none.
             */
            score?: number | null;
            /** @description The submission's owner; only in lists that can contain other users' submissions. */
            username?: string | null;
        };
        /** @description A tag and the number of its problems. */
        TagCount: {
            /** @description The tag. */
            tag: string;
            /**
             * Format: int64
             * @description Number of problems with the tag that match.
             */
            problems: number;
        };
        /** @description Progress with the public problems that have a tag. */
        TagView: {
            tag: string;
            /**
             * Format: int64
             * @description Number of problems solved.
             */
            solved: number;
            /**
             * Format: int64
             * @description Number of all public problems with the tag.
             */
            problems: number;
        };
        /** @description One test. */
        TestView: {
            /** @description The test's name. */
            name: string;
            /** @description The test's verdict. */
            verdict: string;
            /** @description Standard output. */
            stdout: string;
            /** @description Exact standard output; only if it is not UTF-8. */
            stdout_base64?: string | null;
            /** @description Standard error. */
            stderr: string;
            /** @description Exact standard error; only if it is not UTF-8. */
            stderr_base64?: string | null;
            /** @description Why the program failed, if it did. */
            runtime_error?: string | null;
            /**
             * @description Human-readable explanation, like the submission's `message`: the exception that ended the program, the limit
             *     that was reached, or the first difference.
             */
            message?: string | null;
            /**
             * Format: int32
             * @description The exit code, if the program exited by itself, even if `verdict` is that of a limit.
             */
            exit_code?: number | null;
            /**
             * Format: int32
             * @description The number of the signal that ended the program, if one did. `null` if SIGKILL ended it for a limit.
             */
            signal?: number | null;
            /**
             * Format: int64
             * @description CPU time in milliseconds.
             */
            execution_time_ms: number;
            /**
             * Format: int64
             * @description Wall-clock time in milliseconds.
             */
            wall_time_ms: number;
            /**
             * Format: int64
             * @description Machine instructions of all processes, without the kernel's; only if the server can count them.
             */
            instructions?: number | null;
            /**
             * Format: int64
             * @description Peak memory in KiB; see `memory_used_kb` of the submission.
             */
            memory_used_kb: number;
            start?: components["schemas"]["StartView"] | null;
            accuracy?: components["schemas"]["AccuracyView"] | null;
            /** @description Whether some output was discarded. */
            truncated: boolean;
        };
        /**
         * @description A solution to try. At least one of `source_code` and `files` is required.
         * @example {
         *       "input": "1 2\n",
         *       "language": "python",
         *       "source_code": "print(sum(map(int, input().split())))"
         *     }
         */
        TrialRequest: {
            /** @description Id or alias of a language, see `GET /languages`; case-insensitive. */
            language: string;
            /** @description Version of the language, if several are installed, as for `POST /execute`. */
            version?: string | null;
            /**
             * @description The main source; never empty. Cupel gives the source file the usual name for the language or, if the compiler
             *     requires it, the name of the public type in the source.
             */
            source_code?: string | null;
            /** @description Additional files. Without `source_code`, the first is the main source. */
            files?: components["schemas"]["FileRequest"][];
            /**
             * @description Your own input, instead of the samples. For most problems, this is the program's standard input. For a function
             *     problem, it is the arguments, one JSON value per line. For a class problem, it is two JSON lists: the names of
             *     the class and of each method to call, and the arguments of each call. For an interactive problem, it is the
             *     interactor's input. The right answer is unknown, so `AC` only means that the program ended successfully.
             */
            input?: string | null;
            /** @description Another name for `input`. */
            stdin?: string | null;
            /** @description The input as base64, for binary data; send it instead of `input` or `stdin`. */
            stdin_base64?: string | null;
        } & (({
            source_code: string;
        } | {
            files: unknown[];
        }) & unknown & unknown & unknown & (unknown | {
            files?: unknown;
        }));
        /** @description Runs that wait for a worker, because no live worker has all of their languages. */
        UnservedView: {
            /** @description Languages that a single worker must have. */
            languages: string[];
            /** Format: int64 */
            runs: number;
        };
        /** @description A user's limits, and their remaining amounts. */
        UsageView: {
            /** @description The tier that sets the rates. */
            tier: string;
            /** @description Limits on requests. */
            rates: components["schemas"]["RateView"][];
            /**
             * Format: int64
             * @description Number of the user's runs that wait in the queue.
             */
            waiting: number;
            /**
             * Format: int64
             * @description Maximum of `waiting`. While it is reached, submissions are refused.
             */
            waiting_max: number;
        };
        /** @description The verification of an image. */
        VerificationView: {
            /** @description `running`; `unchanged`; `damaged`; or `failed` if the files could not be compared. */
            state: string;
            /**
             * Format: date-time
             * @description Time at which it ended; null while it runs.
             */
            ended_at?: string | null;
            /** @description The first 100 paths of files that are damaged, missing or new. */
            damaged: string[];
            /** @description Number of these files. */
            damaged_files: number;
            /** @description Why the files could not be compared. */
            failure?: string | null;
        };
        /** @description A worker: a process that runs submissions. */
        WorkerView: {
            worker_id: string;
            /** @description The machine's name, unless another one is configured. */
            name: string;
            /** @description Version of Cupel that the worker runs. */
            version: string;
            /**
             * Format: int32
             * @description Number of programs that it can run at the same time.
             */
            slots: number;
            /**
             * Format: int32
             * @description Number of slots that were occupied at the last heartbeat.
             */
            busy: number;
            /**
             * Format: int32
             * @description Number of runs that it judged within the minute before the last heartbeat.
             */
            judged_last_minute: number;
            /** @description The operator's order: `work`, `pause` or `drain`. */
            order: string;
            /**
             * Format: int64
             * @description Number of languages that it has, without those that `GET /languages` does not list.
             */
            languages: number;
            /** @description Languages that it lacks because it is still pulling their images. */
            pulling: components["schemas"]["PullingView"][];
            /** Format: date-time */
            started_at: string;
            /**
             * Format: date-time
             * @description Time of the last heartbeat. A worker without a heartbeat for 15 seconds is not listed.
             */
            seen_at: string;
        };
        /** @description The workers that are alive. */
        WorkerViews: {
            /** @description The workers, oldest first. */
            workers: components["schemas"]["WorkerView"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    queue: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The state of the queue */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QueueView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    running: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The runs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunningViews"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    workers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The workers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkerViews"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    delete_account: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeleteRequest"];
            };
        };
        responses: {
            /** @description Deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The password is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You are the only administrator who can log in */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    open_guest: {
        parameters: {
            query?: never;
            header: {
                /** @description Any value */
                "X-Cupel-Site": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The existing session is kept */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionState"];
                };
            };
            /** @description The visitor is a new guest */
            201: {
                headers: {
                    /** @description The session */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionState"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server has no guests, or the request does not come from a page of this server */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Too many guests from your IP address */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    keys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Your keys, without their secrets */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyViews"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    create_key: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeyRequest"];
            };
        };
        responses: {
            /** @description The key. Its text is shown only in this response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewKeyView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    revoke_key: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The key's id */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key is no longer valid */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description There is no such key of yours */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Your account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    change_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["MeChange"];
            };
        };
        responses: {
            /** @description Your account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Me"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    change_password: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordRequest"];
            };
        };
        responses: {
            /** @description Changed */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The old password is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Too many wrong passwords */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    password_link: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LinkRequest"];
            };
        };
        responses: {
            /** @description The account */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LinkAccount"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The link is invalid, already used or expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Too many invalid links from your IP address */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    reset_password: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ResetRequest"];
            };
        };
        responses: {
            /** @description The password is set. You can log in now */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The link is invalid, already used or expired */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Too many invalid links from your IP address */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RegisterRequest"];
            };
        };
        responses: {
            /** @description The account was created. You can log in now */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Registered"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Registration is closed, or the page was loaded under a host name that is not this server's */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The name or e-mail address is taken */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Too many registrations or wrong join codes from your IP address */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    sessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Sessions that have not ended */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionViews"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    end_session: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The session's id */
                session_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session is no longer valid */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description There is no such session of yours */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    contests: {
        parameters: {
            query?: {
                /** @description Only contests that are `upcoming`, `running` or `over`. */
                phase?: "upcoming" | "running" | "over";
                /** @description Only contests whose title or slug has each word of this text, in upper or lower case. */
                q?: string;
                /** @description Whether each contest has your participation, in `participation`. */
                participation?: boolean;
                /** @description Page number, from 1. */
                page?: number;
                /** @description Entries per page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ContestPage"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    contest: {
        parameters: {
            query?: {
                /** @description Whether the description is also sent as HTML, in `description_html`. */
                html?: boolean;
            };
            header?: never;
            path: {
                /** @description The contest's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The contest */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ContestView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The contest does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    change_contest: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The contest's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ContestChangeRequest"];
            };
        };
        responses: {
            /** @description The contest after the change */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ContestView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The contest does not exist, or you may not change it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The contest has begun, so this change is no longer possible; or nothing is frozen */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    announce: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The contest's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AnnouncementRequest"];
            };
        };
        responses: {
            /** @description The announcement was made */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AskedView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The contest does not exist, or you may not change it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You have made the maximum number of announcements */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    clarifications: {
        parameters: {
            query?: {
                /** @description Whether answers and announcements are also sent as HTML, in `answer_html`. */
                html?: boolean;
                /** @description Page number, from 1. */
                page?: number;
                /** @description Entries per page. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The contest's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClarificationPage"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The contest does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    ask: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The contest's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["QuestionRequest"];
            };
        };
        responses: {
            /** @description The question was asked */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AskedView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The contest does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You do not take part, your time in the contest has ended, or you have asked the maximum number of questions */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    answer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The contest's slug */
                slug: string;
                /** @description The question's id */
                clarification_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AnswerRequest"];
            };
        };
        responses: {
            /** @description The question is answered */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The question does not exist, or you may not change the contest */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    take_part: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The contest's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ParticipationRequest"];
            };
        };
        responses: {
            /** @description You take part */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ParticipationView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The contest does not exist, or you may not see it and the code is wrong */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You take part already, you organize the contest, or this kind of participation is not possible now */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Too many wrong codes from this address */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    withdraw: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The contest's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description You no longer take part */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The contest does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You do not take part, or the contest has begun */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    standings: {
        parameters: {
            query?: {
                /**
                 * @description Whether frozen results are included; only for the contest's organizers. Results that the freeze of another
                 *     contest hides are included only for administrators.
                 */
                unfrozen?: boolean;
                /** @description With `csv`, the response is CSV with all lines and without pages, as with `Accept: text/csv`. */
                format?: "json" | "csv";
                /** @description Page number, from 1. */
                page?: number;
                /** @description Entries per page. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The contest's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The standings */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StandingsView"];
                    "text/csv": string;
                };
            };
            /** @description The standings have not changed since the response with this `ETag`, except for `elapsed_seconds` */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description `unfrozen` is only for the contest's organizers */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The contest does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    draft: {
        parameters: {
            query?: {
                /** @description The problem's slug. If it is missing, the draft belongs to the playground. */
                problem?: string;
            };
            header?: never;
            path: {
                /** @description Id or alias of the language */
                language_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The newest revision */
            200: {
                headers: {
                    /** @description Names the revision */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DraftView"];
                };
            };
            /** @description `If-None-Match` names the newest revision */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You have no such draft, or may not see the problem */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    save_draft: {
        parameters: {
            query?: {
                /** @description The problem's slug. If it is missing, the draft belongs to the playground. */
                problem?: string;
            };
            header?: {
                /** @description The `ETag` of the revision on which the text is based. The text is saved only if that revision is still the newest */
                "If-Match"?: string;
                /** @description With `*`, the text is saved only if the draft does not exist yet */
                "If-None-Match"?: string;
            };
            path: {
                /** @description Id or alias of the language */
                language_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DraftRequest"];
            };
        };
        responses: {
            /** @description Saved */
            200: {
                headers: {
                    /** @description Names the revision */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevisionView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The problem does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The condition in `If-Match` or `If-None-Match` is not met: the draft was changed, created or removed in the meantime, or the request has both headers. Nothing was changed */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description There is no such language, or the text is too large */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    draft_revisions: {
        parameters: {
            query?: {
                /** @description The problem's slug. If it is missing, the draft belongs to the playground. */
                problem?: string;
            };
            header?: never;
            path: {
                /** @description Id or alias of the language */
                language_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The revisions. The list is empty if you have no such draft */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RevisionList"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You may not see the problem, or there is no such language */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    draft_revision: {
        parameters: {
            query?: {
                /** @description The problem's slug. If it is missing, the draft belongs to the playground. */
                problem?: string;
            };
            header?: never;
            path: {
                /** @description Id or alias of the language */
                language_id: string;
                /** @description Number of the revision */
                revision: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The revision */
            200: {
                headers: {
                    /** @description Names the revision */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DraftView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description There is no such revision, or you may not see the problem */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description Only events after the event with this number. `Last-Event-ID` takes precedence. */
                after?: number;
                /** @description A ticket from `POST /tickets`, for browsers; sent instead of the header `Authorization`. */
                ticket?: string;
            };
            header?: {
                /** @description Number of the last event that the client has */
                "Last-Event-ID"?: number;
            };
            path: {
                /** @description The id from the response of `POST /execute` */
                submission_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A stream of events; `data` is one JSON object */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["EventData"];
                };
            };
            /** @description The client already has the last event */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The submission does not exist, or it belongs to another user */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    languages: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The languages */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LanguageViews"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    problems: {
        parameters: {
            query?: {
                /** @description Only problems of these difficulties: `easy`, `medium`, `hard`, separated by commas. */
                difficulty?: string;
                /** @description Only problems with all of these tags, separated by commas. */
                tag?: string;
                /** @description Only problems with this state for you: `solved`, `attempted`, `unsolved` or `new`. */
                state?: "solved" | "attempted" | "unsolved" | "new";
                /** @description Only problems whose title or slug contains this text, or that have a tag with a word that begins with it. */
                q?: string;
                /** @description Only problems that you may change. */
                mine?: boolean;
                /** @description Whether the response has the tags of all matching problems, in `tags`. */
                tag_counts?: boolean;
                /** @description Sort order: `title`, `newest`, `difficulty` or `solved` (solved by most users first). */
                sort?: string;
                /** @description Page number, from 1. */
                page?: number;
                /** @description Entries per page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemPage"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    problem: {
        parameters: {
            query?: {
                /**
                 * @description Language of the text, such as `en`. If there is no text in this language, a text in a variant of it is sent,
                 *     such as `zh-CN` for `zh`; else the English text; else the first.
                 */
                lang?: string;
                /** @description Whether a text in Markdown is sent as HTML, in `html`, instead of `text`. */
                html?: boolean;
            };
            header?: never;
            path: {
                /** @description The problem's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The problem */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProblemView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The problem does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    distribution: {
        parameters: {
            query?: {
                /** @description Only solutions in this language (id or alias). */
                language?: string;
            };
            header?: never;
            path: {
                /** @description The problem's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The distribution */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DistributionView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The problem does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description There is no such language */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    problem_editorial: {
        parameters: {
            query?: {
                /**
                 * @description Language of the text, such as `en`. If there is no text in this language, a text in a variant of it is sent,
                 *     such as `zh-CN` for `zh`; else the English text; else the first.
                 */
                lang?: string;
                /** @description Whether a text in Markdown is sent as HTML, in `html`, instead of `text`. */
                html?: boolean;
            };
            header?: never;
            path: {
                /** @description The problem's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The editorial */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EditorialView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The problem does not exist, it has no editorial, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    run_solution: {
        parameters: {
            query?: {
                /**
                 * @description Delay the response until the submission has ended, at most this many seconds. The operator's maximum (30 seconds
                 *     by default) always applies.
                 * @example 10
                 */
                wait?: number;
            };
            header?: {
                /** @description A repeated request with the same key and body gets the id of the first request */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The problem's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TrialRequest"];
            };
        };
        responses: {
            /** @description The submission ended within the requested wait */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmissionView"];
                };
            };
            /** @description Accepted. The program will run even if the server restarts */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The problem does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The submission was refused. Nothing was stored */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You have exceeded your submission rate, or too many of your submissions are waiting. Nothing was stored */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The queue is full, no live worker has the language, a disk is full, or the store cannot be reached. Nothing was stored */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    submissions_to_problem: {
        parameters: {
            query?: {
                /** @description Whether submissions of all users are listed. Only for the problem's authors. */
                all?: boolean;
                /** @description Only submissions with this verdict, such as `WA`. */
                verdict?: string;
                /** @description Only submissions in this language. */
                language?: string;
                /** @description With `csv`, the response is CSV with all submissions and without pages, as with `Accept: text/csv`. */
                format?: "json" | "csv";
                /** @description Page number, from 1. */
                page?: number;
                /** @description Entries per page. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description The problem's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SentPage"];
                    "text/csv": string;
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The problem does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description There is no such language */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    submit_solution: {
        parameters: {
            query?: {
                /**
                 * @description Delay the response until the submission has ended, at most this many seconds. The operator's maximum (30 seconds
                 *     by default) always applies.
                 * @example 10
                 */
                wait?: number;
            };
            header?: {
                /** @description A repeated request with the same key and body gets the id of the first request */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description The problem's slug */
                slug: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SolutionRequest"];
            };
        };
        responses: {
            /** @description The submission ended within the requested wait */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmissionView"];
                };
            };
            /** @description Accepted. The solution will be judged even if the server restarts */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Accepted"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The problem does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The submission was refused. Nothing was stored */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You have exceeded your submission rate, or too many of your submissions are waiting. Nothing was stored */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The queue is full, no live worker has the language, a disk is full, or the store cannot be reached. Nothing was stored */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    session: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user, if somebody is signed in */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionState"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    sign_in: {
        parameters: {
            query?: never;
            header: {
                /** @description Any value */
                "X-Cupel-Site": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginRequest"];
            };
        };
        responses: {
            /** @description Signed in */
            200: {
                headers: {
                    /** @description The session */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionState"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description No account has this address or name and this password */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The account is disabled, or the request does not come from a page of this server */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The JSON is valid, but the body does not have the documented form: a field has a wrong type or value, is unknown or is missing. `errors` has the JSON Pointer of the first such field, or of all missing fields; rules about the contents of fields are checked after the form. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Too many wrong passwords */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    sign_out: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session has ended */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request does not come from a page of this server */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    own_programs: {
        parameters: {
            query?: {
                /** @description Page number, from 1. A page has 20 entries. */
                page?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Your shared programs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OwnSnippetPage"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    share_program: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SnippetRequest"];
            };
        };
        responses: {
            /** @description Shared */
            201: {
                headers: {
                    /** @description URL of the program */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SnippetCreated"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You share the maximum number of programs */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request did not arrive in time. Nothing has changed; send it again. */
            408: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body has more bytes than this route accepts. `detail` has the limit. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The body must be `application/json`; for an import of users, `text/csv`; for a problem's package, the archive as `application/zip`, `application/gzip`, `application/x-tar` or `application/octet-stream`. Content encodings are not accepted. `detail` has the accepted type. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The program was refused. Nothing was stored */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    shared_program: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id from the link */
                snippet_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The program */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SnippetView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description There is no such program, or it was removed */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    unshare_program: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id from the link */
                snippet_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description You no longer share the program */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You share no such program */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    submissions: {
        parameters: {
            query?: {
                /** @description Only submissions to the problem with this slug. */
                problem?: string;
                /** @description Only in this language: its id or an alias. */
                language?: string;
                /** @description Only with this verdict: a code such as `AC`. */
                verdict?: string;
                /** @description Only with this status: `queued`, `running`, `completed`, `failed` or `cancelled`. */
                status?: string;
                /**
                 * @description Only with this purpose: `run`, `submission`, `samples`, `custom_input` or `verification`. Former names are
                 *     accepted: `execution`, `all`, `trial` and `input`.
                 */
                purpose?: string;
                /** @description Only from this time on (RFC 3339). */
                from?: string;
                /** @description Only before this time (RFC 3339). */
                to?: string;
                /**
                 * @description Cursor, to be sent instead of `page`: empty for the first page, then the `next_cursor` of the previous page.
                 *     Pages by cursor neither repeat nor skip entries when submissions are added meanwhile, and the last page is as
                 *     fast as the first.
                 */
                cursor?: string;
                /** @description Page number, from 1. */
                page?: number;
                /** @description Entries per page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmissionPage"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description There is no such language */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    submission_in_full: {
        parameters: {
            query?: {
                /**
                 * @description Delay the response until the submission has ended, at most this many seconds. The operator's maximum (30 seconds
                 *     by default) always applies.
                 * @example 10
                 */
                wait?: number;
            };
            header?: never;
            path: {
                /** @description The submission's id */
                submission_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The submission in its current state */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmissionView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The submission does not exist, or you may not see it */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description You have too many large responses open */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    activity: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Your solved problems */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ActivityView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    progress: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Your progress */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProgressView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
    usage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Your limits */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UsageView"];
                };
            };
            /** @description A query or path parameter is unknown, has the wrong form or is out of range. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The request has no valid token or API key: it is missing, malformed, expired, revoked or from another server. `detail` has the reason. Log in, refresh the session, or send another key. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The API key is valid, but it lacks the scope for this operation. `detail` names the scope. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description Your account (without an account, your address) has reached its rate limit, or you have too many event streams, large responses, request bodies, uploads or downloads of packages, or unused tickets open. `detail` names the limit. `Retry-After` has the seconds to wait. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The server failed; the request is not the cause. The server's log has the details under `request_id`. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
            /** @description The store or the queue cannot be reached, the server is shutting down, or too many connections, event streams, waits, request bodies, uploads or downloads of packages, large responses or password checks are open. Nothing was accepted. Send the request again after `Retry-After`. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ApiError"];
                };
            };
        };
    };
}
