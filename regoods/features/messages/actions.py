"""Sending, reading, editing and deleting messages: check, do, tell after the commit."""

from msgspec import Raw

from regoods.core.database import Row
from regoods.core.errors import Forbidden, InvalidToken, NotFound
from regoods.core.outbox import Subject
from regoods.core.work import Work, reads, writes, writes_for_anyone
from regoods.features.blocks.rules import check_no_block
from regoods.features.conversations.events import message_read
from regoods.features.conversations.rules import audience
from regoods.features.messages import events, queries, rules
from regoods.features.posts.queries import find as find_post
from regoods.features.posts.queries import owner as find_owner


@writes_for_anyone
def send(work: Work, user_id: int, new: events.NewMessage, key: str | None = None) -> Raw:
    """Store a message and tell its recipient; the Message, encoded once for the answer and both events.

    With an idempotency key that the user has used within a day: the message it was used for, and nobody is told.
    Raises Conflict where that was another one. Looks at the sender itself: an inactive one is told 403 here, not 401
    (contract, section 1).
    """
    message_type = "text" if new.message_type is None else new.message_type
    rules.check_type(message_type)
    rules.check_content(new.message_content, work.text_encoding)
    if new.attachment_url is not None:
        rules.check_attachment_url(new.attachment_url)
    rules.check_not_oneself(user_id, new.recipient_id)
    sender, recipient = queries.correspondents(work.session, user_id, new.recipient_id)
    if sender is None:
        raise InvalidToken("The account of this token does not exist.")
    if not sender.is_active:
        raise Forbidden("Your account is not active, so it cannot send messages.")
    if key is not None:
        key_digest, since = rules.digest(key.encode()), work.now - rules.KEY_LIFE
        sent = queries.find_keyed(work.session, user_id, key_digest, since)
        if sent is not None:
            rules.check_same_body(sent.body_digest, events.digest(new))
            return events.encoded(_get(work, sent.message_id))
    if recipient is None or not recipient.is_active:
        raise NotFound(f"There is no active user {new.recipient_id} to write to.")
    check_no_block(recipient.is_blocked)
    post = None
    if new.post_id is not None:
        post = find_post(work.session, new.post_id)
        if post is None:
            raise NotFound(f"There is no post {new.post_id}.")
    if new.parent_message_id is not None:
        parent = _get_facts(work, new.parent_message_id)
        rules.check_participant(parent, user_id)
    message_id = queries.insert(
        work.session,
        sender_id=user_id,
        recipient_id=new.recipient_id,
        post_id=new.post_id,
        message_content=new.message_content,
        message_type=message_type,
        attachment_url=new.attachment_url,
        parent_message_id=new.parent_message_id,
        now=work.now,
    )
    if key is not None:
        queries.keep_key(work.session, user_id, key_digest, events.digest(new), message_id, work.now, since)
    encoded = events.encoded_new(message_id, new, sender, recipient, post, work.now)
    message = Subject(message_id, new.recipient_id)
    work.publish((new.recipient_id,), events.message_to_recipient(encoded), of=message, creates=True)
    work.publish((user_id,), events.message_to_sender(encoded), of=message)
    return encoded


@writes_for_anyone
def send_system(work: Work, recipient_id: int, sender_id: int | None, post_id: int, text: str) -> events.Notice:
    """Store a message of type system, which no client may write. Servers find it as one of another program.

    In the name of `sender_id`, by default of the post's owner, for it must be somebody's conversation. Raises what
    `send` does, with a remedy for who stands at the command line.
    """
    rules.check_content(text, work.text_encoding)
    owner_id = find_owner(work.session, post_id)
    if owner_id is None:
        raise NotFound(f"There is no post {post_id}.")
    if sender_id is None:
        sender_id = owner_id
    rules.check_notice_sender(sender_id, recipient_id, owner_id)
    sender, recipient = queries.correspondents(work.session, sender_id, recipient_id)
    if recipient is None or not recipient.is_active:
        raise NotFound(f"There is no active user {recipient_id} to write to.")
    if sender is None or not sender.is_active:
        raise NotFound(f"There is no active user {sender_id} in whose name to write: name another one by --from.")
    rules.check_notice_block(recipient.is_blocked, sender_id, recipient_id)
    message_id = queries.insert(
        work.session,
        sender_id=sender_id,
        recipient_id=recipient_id,
        post_id=post_id,
        message_content=text,
        message_type=events.SYSTEM,
        attachment_url=None,
        parent_message_id=None,
        now=work.now,
    )
    return events.Notice(message_id, sender, recipient)


def publish_stored(work: Work, row: Row) -> None:
    """Tell both of a message that another program stored, which asks nobody who blocks whom."""
    encoded, message = events.encoded(row), _of(row)
    work.publish((row.recipient_id,), events.message_to_recipient(encoded), of=message)
    if row.sender_id != row.recipient_id:
        work.publish((row.sender_id,), events.message_to_sender(encoded), of=message)


@writes_for_anyone
def forget_keys(work: Work, _user_id: int) -> int:
    """Delete idempotency keys whose day is over; how many it were."""
    return queries.delete_keys(work.session, work.now - rules.KEY_LIFE)


@reads
def get(work: Work, user_id: int, message_id: int) -> Raw:
    """One message, for its two participants; a deleted one without what it said. To others it is not there."""
    row = _get(work, message_id)
    if not rules.is_participant(row, user_id):
        raise _no_such_message(message_id)
    return events.encoded(row)


@writes
def mark_read(work: Work, user_id: int, message_id: int) -> Raw:
    """Mark one message read by the caller. Only a recipient's first time is an event; a deleted one stays as it was."""
    row = _get(work, message_id)
    rules.check_participant(row, user_id)
    if row.is_deleted:
        return events.encoded(row)
    if user_id == row.recipient_id:
        if queries.mark_read_by_recipient(work.session, message_id, work.now):
            work.publish(audience(row.sender_id, row.recipient_id), message_read(message_id, work.now), of=_of(row))
    elif not row.is_read_by_sender or row.sender_read_at is None:
        queries.mark_read_by_sender(work.session, message_id, work.now)
    return events.encoded(_get(work, message_id))


@writes
def edit(work: Work, user_id: int, message_id: int, change: events.Edit) -> Raw:
    rules.check_content(change.message_content, work.text_encoding)
    before = _get_facts(work, message_id)
    rules.check_edit(before, user_id, work.now)
    check_no_block(before.is_blocked)
    if not queries.edit(work.session, message_id, change.message_content, work.now):
        # Deleted by another writer since it was looked at.
        rules.check_edit(_get_facts(work, message_id), user_id, work.now)
    work.tell("message_edited", message_id)
    encoded = events.encoded(_get(work, message_id))
    work.publish(audience(before.sender_id, before.recipient_id), events.message_edited(encoded), of=_of(before))
    return encoded


@writes
def delete(work: Work, user_id: int, message_id: int) -> events.Deleted:
    """Soft: the row stays, and nobody is shown it any more."""
    before = _get_facts(work, message_id)
    rules.check_delete(before, user_id)
    if not queries.delete(work.session, message_id, user_id, work.now):
        rules.check_delete(_get_facts(work, message_id), user_id)
    work.tell("message_deleted", message_id)
    work.publish(audience(before.sender_id, before.recipient_id), events.message_deleted(message_id), of=_of(before))
    return events.Deleted(message_id=message_id)


def _of(row: Row) -> Subject:
    return Subject(row.message_id, row.recipient_id)


def _get(work: Work, message_id: int) -> Row:
    row = queries.find(work.session, message_id)
    if row is None:
        raise _no_such_message(message_id)
    return row


def _get_facts(work: Work, message_id: int) -> Row:
    row = queries.facts(work.session, message_id)
    if row is None:
        raise _no_such_message(message_id)
    return row


def _no_such_message(message_id: int) -> NotFound:
    return NotFound(f"There is no message {message_id}.")
