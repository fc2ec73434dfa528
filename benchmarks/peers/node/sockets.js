// The plan's WebSocketService: who is connected, and sending to all of a user's sockets.
import { WebSocket, WebSocketServer } from 'ws';
const HEARTBEAT_MS = 30_000;

export class SocketService {
  constructor(server, verifyToken) {
    this.connections = new Map();
    this.wss = new WebSocketServer({ server, path: '/messages' });
    this.wss.on('connection', (ws, req) => this.authenticate(ws, req, verifyToken));
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
  }

  authenticate(ws, req, verifyToken) {
    ws.on('error', () => ws.terminate());
    const token = new URL(req.url, 'http://localhost').searchParams.get('token');
    if (!token) return ws.close(1008, 'Token required');
    try {
      return this.add(verifyToken(token).userId, ws);
    } catch {
      return ws.close(1008, 'Invalid token');
    }
  }

  add(userId, ws) {
    if (!this.connections.has(userId)) this.connections.set(userId, new Set());
    this.connections.get(userId).add(ws);
    ws.isAlive = true;
    ws.on('pong', () => { ws.isAlive = true; });
    ws.on('message', (data) => this.receive(userId, ws, data));
    ws.on('close', () => this.remove(userId, ws));
    ws.send(JSON.stringify({ type: 'connected', userId }));
  }

  remove(userId, ws) {
    const sockets = this.connections.get(userId);
    sockets?.delete(ws);
    if (sockets?.size === 0) this.connections.delete(userId);
  }

  receive(userId, ws, data) {
    try {
      const frame = JSON.parse(data.toString());
      if (frame.type === 'ping') ws.send(JSON.stringify({ type: 'pong' }));
      if (frame.type === 'typing' && frame.recipientId) {
        this.push(frame.recipientId, { type: 'typing', userId, conversationId: frame.conversationId });
      }
    } catch {
      ws.send(JSON.stringify({ type: 'error', code: 'BAD_REQUEST', message: 'No JSON object' }));
    }
  }

  push(userId, event) {
    const sockets = this.connections.get(userId);
    if (!sockets) return;
    const text = JSON.stringify(event);
    for (const ws of sockets) if (ws.readyState === WebSocket.OPEN) ws.send(text);
  }

  beat() {
    for (const ws of this.wss.clients) {
      if (!ws.isAlive) {
        ws.terminate();
        continue;
      }
      ws.isAlive = false;
      ws.ping();
    }
  }

  shutdown() {
    clearInterval(this.heartbeat);
    for (const ws of this.wss.clients) ws.terminate();
    this.wss.close();
  }
}
