"""An independent ActivityPub server for the end-to-end tests, built on the library apkit.

It has one actor, checks every signature by apkit's own verifier, remembers what it received, and
does what the test tells it over a small control interface (JSON over HTTP, same port, /control).
"""

import argparse
import asyncio
import base64
import hashlib
import json
import uuid
from datetime import datetime, timezone

import httpx
import uvicorn
from apkit.config import AppConfig
from apkit.helper.inbox import InboxVerifier
from apsig import draft
from apsig.rfc9421 import RFC9421Signer
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

AS = "https://www.w3.org/ns/activitystreams"
PUBLIC = AS + "#Public"


class Peer:
    """The server's state."""

    def __init__(self, origin: str, name: str):
        self.origin = origin
        self.name = name
        self.actor_id = f"{origin}/users/{name}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.objects: dict[str, dict] = {}
        self.received: list[dict] = []
        self.refused = 0
        self.accepts = {"draft", "rfc9421"}
        self.fail_next: list[dict] = []
        self.verifier = InboxVerifier(AppConfig())

    def actor(self) -> dict:
        """The actor document."""
        pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "@context": [AS, "https://w3id.org/security/v1"],
            "id": self.actor_id,
            "type": "Person",
            "preferredUsername": self.name,
            "name": "A peer",
            "summary": "<p>Runs on another implementation.</p>",
            "url": self.actor_id,
            "inbox": f"{self.actor_id}/inbox",
            "outbox": f"{self.actor_id}/outbox",
            "followers": f"{self.actor_id}/followers",
            "following": f"{self.actor_id}/following",
            "endpoints": {"sharedInbox": f"{self.origin}/inbox"},
            "publicKey": {
                "id": f"{self.actor_id}#main-key",
                "owner": self.actor_id,
                "publicKeyPem": pem.decode(),
            },
        }

    def document(self, value: dict) -> dict:
        return {"@context": AS, **value}

    async def deliver(self, order: dict) -> dict:
        """Signs and posts one activity as the test orders it."""
        activity = order["activity"]
        body = json.dumps(self.document(activity)).encode()
        key = self.other_key if order.get("wrong_key") else self.key
        key_id = order.get("key_id", f"{self.actor_id}#main-key")
        url = order["inbox"]
        headers = {"Content-Type": "application/activity+json"}
        if order.get("date"):
            headers["Date"] = order["date"]
        if order.get("form", "draft") == "draft":
            headers = draft.Signer(
                headers=headers, private_key=key, method="POST", url=url, key_id=key_id, body=body
            ).sign()
        elif order["form"] == "rfc9421":
            parsed = httpx.URL(url)
            signer = RFC9421Signer(key, key_id)
            if not order.get("weak"):
                # apkit does not cover the body by itself; a POST must (RFC 9421, section 7.2.8).
                digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
                headers["content-digest"] = f"sha-256=:{digest}:"
                signer.sign_headers = [*signer.sign_headers, "content-digest"]
            headers = signer.sign(
                method="POST",
                path=parsed.path,
                host=parsed.netloc.decode(),
                headers=headers,
                body=body,
            )
            if not order.get("weak"):
                # apkit writes the digest anew, in the older draft's spelling.
                headers["content-digest"] = f"sha-256=:{digest}:"
        if order.get("tamper"):
            body = body.replace(order["tamper"][0].encode(), order["tamper"][1].encode())
        async with httpx.AsyncClient(timeout=30) as client:
            try:
                answer = await client.post(url, content=body, headers=headers)
            except httpx.HTTPError as error:
                return {"status": 0, "body": str(error)}
            return {"status": answer.status_code, "body": answer.text}


async def verify_rfc9421(peer: Peer, url: httpx.URL, body: bytes, headers: dict) -> bool:
    """Checks a signature by RFC 9421 itself: apkit knows neither `@target-uri` nor a signature
    without `alg`. One signature, created within five minutes, covering method, target and body."""
    label, parameters = headers["signature-input"].split("=", 1)
    covered, values = parameters[1:].split(")", 1)
    names = [name.strip('"') for name in covered.split(" ")]
    fields = dict(part.split("=", 1) for part in values.strip(";").split(";"))
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if not {"@method", "@target-uri", "content-digest"} <= set(names):
        return False
    if headers["content-digest"] != f"sha-256=:{digest}:":
        return False
    if abs(datetime.now(timezone.utc).timestamp() - int(fields["created"])) > 300:
        return False
    special = {"@method": "POST", "@target-uri": str(url)}
    lines = [f'"{name}": {special.get(name) or headers[name]}' for name in names]
    lines.append(f'"@signature-params": {parameters}')
    key_id = fields["keyid"].strip('"')
    async with httpx.AsyncClient(timeout=10) as client:
        accept = {"accept": "application/activity+json"}
        actor = (await client.get(key_id.split("#")[0], headers=accept)).json()
    if actor["publicKey"]["id"] != key_id or json.loads(body)["actor"] != actor["id"]:
        return False
    key = serialization.load_pem_public_key(actor["publicKey"]["publicKeyPem"].encode())
    signature = base64.b64decode(headers["signature"].removeprefix(f"{label}=:").removesuffix(":"))
    try:
        key.verify(signature, "\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def note(peer: Peer, order: dict) -> dict:
    """A post of the peer, kept so that it can be fetched."""
    ident = order.get("id") or f"{peer.origin}/notes/{uuid.uuid4()}"
    value = {
        "id": ident,
        "type": "Note",
        "attributedTo": peer.actor_id,
        "content": order["content"],
        "published": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"),
        "to": order.get("to", [PUBLIC]),
        "cc": order.get("cc", [f"{peer.actor_id}/followers"]),
        "url": ident,
        "tag": order.get("tag", []),
    }
    if order.get("in_reply_to"):
        value["inReplyTo"] = order["in_reply_to"]
    peer.objects[ident] = value
    return value


def build(peer: Peer) -> FastAPI:
    """The routes."""
    app = FastAPI()

    def activity_json(value: dict, status: int = 200) -> JSONResponse:
        return JSONResponse(value, status_code=status, media_type="application/activity+json")

    @app.get("/.well-known/webfinger")
    async def webfinger(resource: str):
        host = peer.origin.split("//")[1]
        if resource not in (f"acct:{peer.name}@{host}", peer.actor_id):
            return Response(status_code=404)
        links = [{"rel": "self", "type": "application/activity+json", "href": peer.actor_id}]
        return JSONResponse(
            {"subject": f"acct:{peer.name}@{host}", "links": links},
            media_type="application/jrd+json",
        )

    @app.get("/users/{name}")
    async def actor(name: str):
        return activity_json(peer.actor()) if name == peer.name else Response(status_code=404)

    @app.get("/users/{name}/{collection}")
    async def collection(name: str, collection: str):
        return activity_json(
            {
                "@context": AS,
                "id": f"{peer.actor_id}/{collection}",
                "type": "OrderedCollection",
                "totalItems": 0,
                "orderedItems": [],
            }
        )

    @app.get("/notes/{ident}")
    async def get_note(ident: str):
        value = peer.objects.get(f"{peer.origin}/notes/{ident}")
        return activity_json(peer.document(value)) if value else Response(status_code=404)

    async def inbox(request: Request):
        body = await request.body()
        headers = dict(request.headers)
        form = "rfc9421" if "signature-input" in headers else "draft"
        if peer.fail_next:
            failure = peer.fail_next.pop(0)
            return Response(status_code=failure["status"], headers=failure.get("headers", {}))
        if form not in peer.accepts:
            peer.refused += 1
            return Response(status_code=401)
        url = httpx.URL(peer.origin + request.url.path)
        verified = (
            await verify_rfc9421(peer, url, body, headers)
            if form == "rfc9421"
            else await peer.verifier.verify(body, url, request.method, headers)
        )
        if not verified:
            peer.refused += 1
            return Response(status_code=401)
        peer.received.append({"form": form, "path": request.url.path, "activity": json.loads(body)})
        return Response(status_code=202)

    app.post("/inbox")(inbox)
    app.post("/users/{name}/inbox")(inbox)

    @app.get("/control/received")
    async def received():
        return {"received": peer.received, "refused": peer.refused}

    @app.post("/control/settings")
    async def settings(request: Request):
        order = await request.json()
        if "accepts" in order:
            peer.accepts = set(order["accepts"])
        peer.fail_next.extend(order.get("fail_next", []))
        return {}

    @app.post("/control/note")
    async def control_note(request: Request):
        return note(peer, await request.json())

    @app.post("/control/deliver")
    async def control_deliver(request: Request):
        return await peer.deliver(await request.json())

    @app.post("/control/stop")
    async def stop():
        asyncio.get_running_loop().call_soon(setattr, app.state.server, "should_exit", True)
        return {}

    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", default="peer")
    arguments = parser.parse_args()
    peer = Peer(f"http://{arguments.host}:{arguments.port}", arguments.name)
    app = build(peer)
    config = uvicorn.Config(app, host=arguments.host, port=arguments.port, log_level="warning")
    app.state.server = uvicorn.Server(config)
    app.state.server.run()


if __name__ == "__main__":
    main()
