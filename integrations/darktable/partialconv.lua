--[[
Fills or repairs photos from darktable's lighttable, and imports the results beside the originals, grouped with them.

A photo that has a picture of its holes beside it (photo-holes.png for photo.raw; white = fill, of the size of the
exported photo) is filled; the damage of others is found and repaired. See README.md.
]]

local dt = require "darktable"

local NAME = "partialconv"
local windows = dt.configuration.running_os == "windows"
local SEPARATOR = windows and "\\" or "/"

local module = {}

local function quoted(text)
  if windows then
    return '"' .. text .. '"'
  end
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

local function unused(path)
  local stem, suffix, number = path:gsub("%.%w+$", ""), path:match("%.%w+$"), 1
  while exists(path) do
    path = stem .. "-" .. number .. suffix
    number = number + 1
  end
  return path
end

-- the last line of a file, without the name of the program
local function last_line(path)
  local last = ""
  local file = io.open(path, "r")
  if file then
    for line in file:lines() do
      last = line:match("%w") and line or last
    end
    file:close()
  end
  return (last:gsub("^partialconv: ", ""))
end

-- Fills or repairs one photo; returns the new image, or nil and what went wrong.
function module.process(image)
  local stem = image.path .. SEPARATOR .. image.filename:gsub("%.%w+$", "")
  local holes = stem .. "-holes.png"
  local target = unused(stem .. "-filled.tif")
  local exported, said = os.tmpname(), os.tmpname()
  os.remove(exported)
  exported = exported .. ".tif"

  local format = dt.new_format("tiff")
  format.bpp = 16
  format.max_width, format.max_height = 0, 0 -- of its own size
  format:write_image(image, exported, false)
  if not exists(exported) then
    return nil, image.filename .. " could not be exported"
  end

  local line = dt.preferences.read(NAME, "command", "string")
  if exists(holes) then
    line = line .. " fill " .. quoted(exported) .. " " .. quoted(holes) .. " --hole-color white"
  else
    line = line .. " repair " .. quoted(exported)
  end
  line = line .. " -o " .. quoted(target) .. " > " .. quoted(said) .. " 2>&1"
  local code = dt.control.execute(windows and '"' .. line .. '"' or line)
  local message = last_line(said)
  os.remove(exported)
  os.remove(said)
  if code ~= 0 or not exists(target) then
    return nil, image.filename .. ": " .. message:gsub(exported:gsub("%p", "%%%0"), "it")
  end
  local new = dt.database.import(target)
  new:group_with(image.group_leader)
  return new
end

-- Fills or repairs photos one by one; one that fails stops none.
function module.process_all(images)
  local job = dt.gui.create_job("partialconv", true)
  local made = 0
  for number, image in ipairs(images) do
    local new, problem = module.process(image)
    if new then
      made = made + 1
    else
      dt.print(problem)
      dt.print_error(problem)
    end
    job.percent = number / #images
  end
  job.valid = false
  dt.print("partialconv: " .. made .. " of " .. #images .. " photos filled")
end

dt.preferences.register(
  NAME, "command", "string", "partialconv: the command",
  "the command partialconv, or its whole path", "partialconv"
)

-- darktable makes modules only while the lighttable is shown
local installed = false
local function install()
  if installed then
    return
  end
  installed = true
  dt.register_lib(
    NAME, "partialconv", true, false,
    { [dt.gui.views.lighttable] = { "DT_UI_CONTAINER_PANEL_RIGHT_CENTER", 100 } },
    dt.new_widget("button") {
      label = "fill or repair",
      tooltip = "fill photo-holes.png beside each selected photo, or find its damage and repair it",
      clicked_callback = function() module.process_all(dt.gui.action_images) end,
    },
    nil, nil
  )
end

if dt.gui.current_view() and dt.gui.current_view().id == "lighttable" then
  install()
else
  dt.register_event(NAME, "view-changed", function(_, _, new)
    if new.id == "lighttable" then
      install()
    end
  end)
end

dt.register_event(
  NAME, "shortcut", function() module.process_all(dt.gui.action_images) end, "partialconv: fill or repair"
)

return module
