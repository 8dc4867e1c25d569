-- Runs in darktable itself: imports two photos, has them filled and repaired, writes what became of them.
local dt = require "darktable"
local folder = os.getenv("TRIAL_FOLDER")

local function trial()
  local log = assert(io.open(folder .. "/log.txt", "w"))
  local fine, problem = pcall(function()
    local module = dofile(os.getenv("TRIAL_SCRIPT"))
    dt.preferences.write("partialconv", "command", "string", os.getenv("TRIAL_COMMAND"))
    for _, name in ipairs({ "with.png", "without.png" }) do
      local image = dt.database.import(folder .. "/" .. name)
      local new, said = module.process(image)
      if new then
        log:write(name, " ", new.filename, " ", tostring(new.group_leader == image), "\n")
      else
        log:write(name, " failed: ", said, "\n")
      end
    end
    module.process_all({ dt.database.import(folder .. "/with.png") })
  end)
  log:write(fine and "done\n" or ("error: " .. tostring(problem) .. "\n"))
  log:close()
end

dt.control.dispatch(trial)
