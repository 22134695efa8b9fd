/** The part of the dissector that is the same whatever the tables say: it walks them. Lua 5.2, as Wireshark has it. */
export const LUA_RUNTIME: string = String.raw`
local fields = {}

local function declare(abbreviation, label, kind, base_, values, meaning)
  if fields[abbreviation] ~= nil then return end
  local made
  if kind == "guid" then made = ProtoField.guid(abbreviation, label, meaning)
  elseif kind == "bytes" then made = ProtoField.bytes(abbreviation, label, base.NONE, meaning)
  elseif kind == "text" then made = ProtoField.string(abbreviation, label, base.NONE, meaning)
  else
    local make = { u8 = ProtoField.uint8, u16 = ProtoField.uint16, u32 = ProtoField.uint32, u64 = ProtoField.uint64 }
    made = make[kind](abbreviation, label, base_ == "hex" and base.HEX or base.DEC, values, nil, meaning)
  end
  fields[abbreviation] = made
end

local function declare_all(prefix, list)
  for _, field in ipairs(list) do
    local abbreviation = prefix .. "." .. field.name
    if field.part ~= nil then declare_all(abbreviation, field.part.fields)
    else declare(abbreviation, field.name, field.kind, field.base, VALUES[abbreviation], field.meaning) end
  end
end

for _, shape in ipairs(SHAPES) do
  declare_all(shape.prefix, shape.fields)
  if shape.tail ~= nil then declare_all(shape.prefix .. "." .. shape.tail.name, shape.tail.fields) end
end
declare("dda.message", "message", "text", nil, nil, "name of the message")
declare("dda.note", "note", "text", nil, nil, "what there is to say besides")
declare("dda.payload", "payload", "bytes", nil, nil, "what the record is about")

local dda = Proto("dda", "dda trace")
dda.fields = fields

local function number_at(buffer, offset, size) return buffer(offset, size):le_uint() end

local function field_of(shape, name)
  for _, field in ipairs(shape.fields) do if field.name == name then return field end end
end

local function value_of(buffer, shape, name)
  local field = field_of(shape, name)
  return number_at(buffer, field.offset, field.size)
end

local function text_of(range)
  local raw = range:raw()
  local zero = raw:find("\0", 1, true)
  return zero and raw:sub(1, zero - 1) or raw
end

local function is_zero(range) return range:raw():find("[^%z]") == nil end

local add_fields

local function add_cells(tree, range, prefix, label, cell, list, count)
  local sub = tree:add(range, label .. ": " .. count)
  for index = 0, count - 1 do
    local one = range(index * cell, cell)
    add_fields(sub:add(one, label .. "[" .. index .. "]"), one:tvb(), prefix, list)
  end
end

function add_fields(tree, buffer, prefix, list)
  for _, field in ipairs(list) do
    local range = buffer(field.offset, field.size)
    local abbreviation = prefix .. "." .. field.name
    if field.part ~= nil then
      local cell = field.part.cell
      local used = math.floor(field.size / cell)
      while used > 0 and is_zero(range((used - 1) * cell, cell)) do used = used - 1 end
      if used > 0 then add_cells(tree, range, abbreviation, field.name, cell, field.part.fields, used) end
    elseif field.kind == "bytes" then tree:add(fields[abbreviation], range)
    elseif field.kind == "text" then tree:add(fields[abbreviation], range, text_of(range))
    else tree:add_le(fields[abbreviation], range) end
  end
end

-- Adds a message by its table. Gives what is wrong with it, if anything is.
local function add_shape(tree, buffer, shape)
  if buffer:len() < shape.size then
    return "cut short (" .. buffer:len() .. " of " .. shape.size .. " bytes)"
  end
  if #shape.fields > 0 then add_fields(tree, buffer, shape.prefix, shape.fields) end
  local tail = shape.tail
  if tail == nil then return nil end
  local count = value_of(buffer, shape, tail.count)
  local present = math.min(count, math.floor((buffer:len() - shape.size) / tail.cell), tail.most)
  if present > 0 then
    add_cells(tree, buffer(shape.size, present * tail.cell), shape.prefix .. "." .. tail.name, tail.name, tail.cell, tail.fields, present)
  end
  if present < count then return "(" .. (count - present) .. " missing)" end
  return nil
end

local function fits(form, buffer)
  local shape = SHAPES[form.shape]
  if buffer:len() < shape.size then return false end
  for _, condition in ipairs(form.when) do
    local value = value_of(buffer, shape, condition.field)
    if condition.atLeast ~= nil and value < condition.atLeast then return false end
    if condition.below ~= nil and value >= condition.below then return false end
    if condition.bits ~= nil and bit32.band(value, condition.bits) ~= condition.bits then return false end
  end
  return true
end

local function form_of(forms, buffer)
  for _, form in ipairs(forms) do if fits(form, buffer) then return form end end
  return forms[#forms]
end

-- Each of these gives the name of the message, its table (nil: there is none), and a note.
local kinds = {}

kinds.hypercall = function(record, buffer)
  local code = value_of(record, RECORDS.hypercall, "callCode")
  local forms = HYPERCALLS[code]
  if forms == nil then return "hypercall 0x" .. string.format("%x", code) end
  local form = form_of(forms, buffer)
  if buffer:len() == 0 then return form.name end
  return form.name, SHAPES[form.shape]
end

kinds.message = function(record, buffer)
  local kind = value_of(record, RECORDS.message, "messageType")
  if kind ~= VMBUS_MESSAGE_TYPE then return "message of type " .. kind end
  if buffer:len() < 4 then return "(" .. buffer:len() .. " bytes)" end
  local message_type = number_at(buffer, 0, 4)
  local forms = MESSAGES[message_type]
  if forms == nil then return "unknown message " .. message_type end
  local form = form_of(forms, buffer)
  return form.name, SHAPES[form.shape]
end

local function completion(record, buffer)
  if buffer:len() < 4 then return "empty completion" end
  local request = GUEST[value_of(record, RECORDS.packet, "requestType")]
  local expected = request and SHAPES[request.reply]
  local failed = number_at(buffer, 0, 4) >= 0x80000000
  if expected == nil or failed or buffer:len() < expected.size then expected = SHAPES[STATUS] end
  return (request and request.name .. " " or "") .. "completion", expected
end

kinds.packet = function(record, buffer, header)
  local is_completion = value_of(record, RECORDS.packet, "packetType") == COMPLETION
  if header.protocol ~= VPCI then return is_completion and "completion" or "packet" end
  if header.direction == 0 then return "packet" end
  if is_completion and header.direction == 2 then return completion(record, buffer) end
  if buffer:len() < 4 then return "(" .. buffer:len() .. " bytes)" end
  local message_type = number_at(buffer, 0, 4)
  local known = (header.direction == 1 and GUEST or HOST)[message_type]
  if known == nil then
    return "unknown message 0x" .. string.format("%x", message_type) .. " (" .. buffer:len() .. " bytes)"
  end
  return known.name, SHAPES[known.shape]
end

kinds.channel = function(record, buffer)
  local state = value_of(record, RECORDS.channel, "state")
  local why = buffer:len() > 0 and buffer(0, math.min(buffer:len(), 300)):raw() or nil
  return "channel " .. (VALUES["dda.channel.state"][state] or ("in state " .. state)), nil, why
end

kinds.signal = function(_, _, header) return "event flag " .. header.relid end

function dda.dissector(buffer, pinfo, tree)
  pinfo.cols.protocol = "DDA"
  local root = tree:add(dda, buffer())
  local header = {}
  if buffer:len() >= HEADER.size then
    for _, name in ipairs({ "version", "kind", "direction", "protocol", "relid", "payloadBytes" }) do
      header[name] = value_of(buffer, HEADER, name)
    end
  end
  local kind = VALUES["dda.kind"][header.kind or -1]
  local shape = kind and RECORDS[kind]
  if header.version ~= VERSION or shape == nil or buffer:len() < shape.size then
    root:add(fields["dda.note"], buffer(), "no record that this dissector knows"):set_generated()
    return
  end
  add_fields(root, buffer, HEADER.prefix, HEADER.fields)
  add_fields(root, buffer, shape.prefix, shape.fields)
  local payload = buffer(shape.size):tvb()
  local name, message, note = kinds[kind](buffer, payload, header)
  local named = root:add(fields["dda.message"], buffer(), name)
  named:set_generated()
  if payload:len() > 0 then
    local sub = root:add(fields["dda.payload"], payload())
    if message ~= nil then note = add_shape(sub, payload, message) end
  elseif message ~= nil then note = add_shape(root, payload, message) end
  if note == nil and header.payloadBytes > payload:len() then
    note = payload:len() .. " of " .. header.payloadBytes .. " bytes kept"
  end
  if note ~= nil then root:add(fields["dda.note"], buffer(), note):set_generated() end
  pinfo.cols.src = header.direction == 1 and "guest" or header.direction == 2 and "host" or ""
  pinfo.cols.dst = header.direction == 1 and "host" or header.direction == 2 and "guest" or ""
  local channel = ""
  if kind == "packet" or kind == "channel" then
    local place = field_of(shape, "name")
    channel = text_of(buffer(place.offset, place.size))
    if channel == "" then channel = "channel " .. header.relid end
    channel = channel .. "  "
  end
  pinfo.cols.info = channel .. name .. (note and " (" .. note .. ")" or "")
  root:append_text(", " .. channel .. name)
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, dda)
`;
