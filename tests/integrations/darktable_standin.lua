-- Stands in for darktable's Lua interface (9.0, of darktable 4.2), as far as partialconv.lua uses it.
local script, folder, command = arg[1], arg[2], arg[3]
local lighttable = setmetatable({ id = "lighttable" }, { __tostring = function() return "lighttable" end })
local preferences = {}

local function new_image(path)
  local image = { path = path:match("^(.*)/"), filename = path:match("[^/]+$") }
  image.group_leader = image
  image.group_with = function(self, leader)
    print("imported " .. self.filename .. ", group of " .. leader.filename)
  end
  return image
end

package.loaded.darktable = {
  configuration = { running_os = "linux" },
  gui = {
    views = { lighttable = lighttable },
    action_images = {},
    current_view = function() return lighttable end,
    create_job = function() return {} end,
  },
  preferences = {
    register = function(name, key, kind, label, tooltip, default)
      assert(kind == "string")
      preferences[name .. key] = default
    end,
    read = function(name, key, kind) return command end,
  },
  new_format = function(kind)
    assert(kind == "tiff")
    return {
      write_image = function(self, image, path, upscale)
        assert(self.bpp == 16 and self.max_width == 0 and self.max_height == 0 and upscale == false)
        os.execute("cp '" .. image.path .. "/" .. image.filename .. "' '" .. path .. "'")
        return true
      end,
    }
  end,
  new_widget = function(kind)
    return function(fields)
      print(kind .. " " .. fields.label)
      return fields
    end
  end,
  register_lib = function(name, label, expandable, resetable, containers, widget)
    assert(containers[lighttable][1] == "DT_UI_CONTAINER_PANEL_RIGHT_CENTER" and widget.clicked_callback)
  end,
  register_event = function(name, event) print(event) end,
  control = {
    execute = function(line)
      local _, _, code = os.execute(line)
      return code
    end,
  },
  database = { import = new_image },
  print = function(text) print("told " .. text) end,
  print_error = function() end,
}

local module = dofile(script)
assert(preferences.partialconvcommand == "partialconv")
local with, without = new_image(folder .. "/with.png"), new_image(folder .. "/without.png")
module.process_all({ with, without })
assert(module.process(with))
