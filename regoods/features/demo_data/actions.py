"""Making the demo users, their posts and a little talk."""

from datetime import datetime, timedelta
from typing import Any

from regoods.core.database import Session
from regoods.core.settings import Settings
from regoods.features.demo_data import queries
from regoods.features.users.queries import email_of

DEMO_DOMAIN = "@demo.regoods.example"

NAMES = (
    "Ann Archer", "Ben Baker", "Chloé Dubois", "Dmitri Волков", "Emre Yılmaz", "Fatima Zahra", "Greta Müller",
    "Hiro 田中", "Ines Álvarez", "Jonas Berg", "Kavya Iyer", "Liam O’Brien", "Mei 陳", "Noah Cohen", "Olga Nowak",
    "Paulo Souza", "Quinn Ellis", "Rania Haddad", "Sven Lind", "Tara Singh",
)  # fmt: skip
POSTS = (
    ("Road bike, 54 cm", 420.0), ("Oak dining table", 180.0), ("Film camera, 50 mm lens", 95.5),
    ("Kids’ ski boots, 22.5", 25.0), ("Espresso machine", 240.0), ("Acoustic guitar", 130.0),
)  # fmt: skip
TALK = (
    (1, 2, 1, "Hello! Is the bike still there?"), (2, 1, 1, "Yes, it is. Do you want to see it?"),
    (1, 2, 1, "Gladly. Saturday at ten? 🚲"), (3, 1, 2, "Would you take 150 for the table?"),
    (2, 3, 3, "Does the camera come with a strap?"),
)  # fmt: skip
"""(sender, recipient, post, text)"""


def seed(session: Session, settings: Settings, now: datetime) -> None:
    """Make demo users 1 to DEMO_USERS, with posts and a little talk; only where no others but our demo users are."""
    users = settings.demo_users
    present = queries.highest_user_id(session)
    if present and not (email_of(session, 1) or "").endswith(DEMO_DOMAIN):
        return
    if present < users:
        queries.add_users(session, [_user(number, now) for number in range(present + 1, users + 1)])
    if not present:
        queries.add_posts(session, *_posts(now))
        queries.add_messages(session, _messages(now, users))


def _user(number: int, now: datetime) -> dict[str, Any]:
    name = NAMES[number - 1] if number <= len(NAMES) else f"Demo User {number}"
    return {
        "user_id": number,
        "email": f"user{number}{DEMO_DOMAIN}",
        "phone_number": f"+1555{number:07d}",
        "full_name": name,
        "created_at": now,
        "updated_at": now,
    }


def _posts(now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows = [
        {
            "post_id": number,
            "user_id": 2,
            "title": title,
            "category_id": 1,
            "description": f"{title}. In good condition, to be collected.",
            "price": price,
            "location": "Springfield",
            "contact_number": "+15550000002",
            "status": "active",
            "created_at": now,
            "updated_at": now,
        }
        for number, (title, price) in enumerate(POSTS, 1)
    ]
    images = [
        {
            "post_id": row["post_id"],
            "image_url": f"https://images.regoods.example/{row['post_id']}.jpg",
            "display_order": 0,
        }
        for row in rows
    ]
    return rows, images


def _messages(now: datetime, users: int) -> list[dict[str, Any]]:
    rows = []
    for minutes, (sender, recipient, post, content) in enumerate(TALK):
        if max(sender, recipient) <= users:
            at = now - timedelta(minutes=len(TALK) - minutes)
            rows.append(
                {
                    "sender_id": sender,
                    "recipient_id": recipient,
                    "post_id": post,
                    "message_content": content,
                    "created_at": at,
                    "updated_at": at,
                }
            )
    return rows
