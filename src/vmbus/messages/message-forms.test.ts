import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FeatureFlag, ProtocolVersion } from '../version.ts';
import * as fromGuest from './from-guest.ts';
import * as fromHost from './from-host.ts';
import { messageLayoutOf } from './message-forms.ts';
import { MessageType } from './message-type.ts';

test('every message has a form', () => {
  for (const [name, type] of Object.entries(MessageType)) {
    const message = new Uint8Array(240);
    new DataView(message.buffer).setUint32(0, type, true);
    assert.equal(messageLayoutOf(message)?.name, name);
  }
  assert.equal(messageLayoutOf(new Uint8Array(8)), undefined);
  assert.equal(messageLayoutOf(new Uint8Array(3)), undefined);
});

test('INITIATE_CONTACT has the form of its version', () => {
  const { INITIATE_CONTACT, INITIATE_CONTACT_BEFORE_5_0, INITIATE_CONTACT_WITH_CLIENT } = fromGuest;
  const contact = (version: number, featureFlags: number, sizeBytes = 56): Uint8Array => {
    const message = new Uint8Array(sizeBytes);
    message.set(INITIATE_CONTACT.encode({ version, featureFlags }));
    return message;
  };
  assert.equal(messageLayoutOf(contact(ProtocolVersion.V4_1, 0)), INITIATE_CONTACT_BEFORE_5_0);
  assert.equal(messageLayoutOf(contact(ProtocolVersion.V5_3, FeatureFlag.clientId)), INITIATE_CONTACT);
  assert.equal(messageLayoutOf(contact(ProtocolVersion.V6_0, 0)), INITIATE_CONTACT);
  assert.equal(messageLayoutOf(contact(ProtocolVersion.V6_0, FeatureFlag.clientId)), INITIATE_CONTACT_WITH_CLIENT);
  assert.equal(messageLayoutOf(contact(ProtocolVersion.V6_0, FeatureFlag.clientId, 40)), INITIATE_CONTACT);
});

test('VERSION_RESPONSE has the form of its length', () => {
  const { VERSION_RESPONSE, VERSION_RESPONSE_WITH_FEATURES } = fromHost;
  assert.equal(messageLayoutOf(VERSION_RESPONSE.encode({})), VERSION_RESPONSE);
  assert.equal(messageLayoutOf(VERSION_RESPONSE_WITH_FEATURES.encode({})), VERSION_RESPONSE_WITH_FEATURES);
  assert.equal(messageLayoutOf(VERSION_RESPONSE.encode({}).subarray(0, 9)), VERSION_RESPONSE);
});
