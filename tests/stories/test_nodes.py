"""Several nodes, one community: real servers on one database, joined by a real Redis."""

from tests.support.nodes import Nodes


async def test_two_people_chat_each_on_another_node(nodes: Nodes) -> None:
    ann, ben = nodes[0].person(1), nodes[1].person(2)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    sent = await ann.write(ben, "Is the bike still there?")
    assert await at_ben.next() == {"type": "message", "message": sent}
    assert await at_ann.next() == {"type": "message_sent", "message": sent}

    await ben.post(f"/messages/conversations/{ann.user_id}/read")
    assert [(await at_ann.next())["type"] for _ in range(2)] == ["message_read", "conversation_read"]
    at_ben.send({"type": "typing", "conversationId": ann.user_id})
    assert await at_ann.until("typing") == {"type": "typing", "conversationId": 2, "userId": 2}
