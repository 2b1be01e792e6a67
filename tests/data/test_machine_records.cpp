// SPDX-License-Identifier: Apache-2.0
#include "support/catch.hpp"

#include <alloy/core/error.hpp>
#include <alloy/data/machine_records.hpp>
#include <alloy/data/machine_simulator.hpp>
#include <alloy/data/machine_windows.hpp>
#include <alloy/io/atomic_write.hpp>

#include <fstream>

using namespace alloy;

namespace {

const std::string kSeries =
    "time,machine,vibration.rms,temperature.bearing,load.current\n"
    "2026-03-01T12:00:00Z,pump 1,1.5,,10\n"
    "2026-03-01T12:20:00Z,pump 1,1.7,41,10\n"
    "2026-03-01T12:10:00Z,pump 1,NaN,40,10\n"  // out of order, and a gap that says so
    "2026-03-01T12:20:00Z,pump 1,1.9,NA,10\n"  // the same stamp again
    "1772366400,\"fan, east\",2,50,\n"         // 12:00, as seconds; one sample
    ;
const std::string kLogs =
    "time,machine,text,start,stop,failure,page\n"
    "2026-03-01T12:30,pump 1,bearing replaced,2026-03-01T11:00,2026-03-01T12:25,1,3\n"
    ",pump 1,greased,,,,\n"
    "2026-03-01T12:00,pump 1,  ,,,,\n"
    "2026-03-01T12:00,pump 9,who is that,,,,\n"
    "2026-03-09T12:00,\"fan, east\",much later,,,0,\n";

class Tables {
 public:
  MachineRecords read(const std::string& series, const std::string& logs) const {
    write_file(folder_ / "series.csv", series);
    write_file(folder_ / "logs.csv", logs);
    return read_machine_records(folder_ / "series.csv", folder_ / "logs.csv");
  }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  TempDir folder_;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) { return text.replace(text.find(from), from.size(), to); }

}  // namespace

TEST_CASE("machine records", "[data]") {
  const Tables tables;
  SECTION("series of each machine, sorted and merged, and what was odd about them") {
    const MachineRecords records = tables.read(kSeries, kLogs);
    CHECK(records.channels == std::vector<std::string>{"vibration.rms", "temperature.bearing", "load.current"});
    REQUIRE(records.machines.size() == 2);
    CHECK((records.find("pump 1") == 0 && records.find("fan, east") == 1 && records.find("pump 9") == -1));
    const Series& pump = records.machines[0].series;
    CHECK_THAT(pump.times - 1772366400, AllClose(torch::tensor({0.0, 600.0, 1200.0}, torch::kDouble)));
    CHECK_THAT(torch::nan_to_num(pump.values, -1), AllClose(torch::tensor({{1.5F, -1.F, 10.F}, {-1.F, 40.F, 10.F}, {1.8F, 41.F, 10.F}})));
    CHECK(records.machines[1].series.times.size(0) == 1);
    const MachineCounts& c = records.counts;
    CHECK((c.rows == 5 && c.gaps == 4 && c.out_of_order == 1 && c.repeated == 1));
    CHECK((c.constant_channels == 3 && c.empty_channels == 1));  // current; the fan's single values; its current
  }
  SECTION("entries, and those that cannot be used, counted") {
    const MachineRecords records = tables.read(kSeries, kLogs);
    REQUIRE(records.logs.size() == 3);
    const MachineLog& first = records.logs[0];
    CHECK((first.machine == "pump 1" && first.text == "bearing replaced" && first.explains() && first.failure && first.page == 3));
    CHECK(first.stop_s - first.start_s == 85 * 60);
    CHECK((!records.logs[1].stamped() && !records.logs[1].explains() && records.logs[1].page == -1));
    CHECK_THAT(to_text(records.counts), ContainsSubstring("5 rows, 4 gaps, 1 rows out of order, 1 repeated stamps") &&
                                            ContainsSubstring("1 entries about unknown machines left out, 1 entries without a stamp"));
    CHECK((records.counts.without_text == 1 && records.counts.unknown_machine == 1 && records.counts.unstamped == 1 && records.counts.outside == 1));
  }
  SECTION("a fault names file and line") {
    struct Case {
      std::string from, to, message;
    };
    const std::vector<Case> series = {{"1.7", "1.7 g", "series.csv, line 3] expected a number or nothing in column `vibration.rms`, got \"1.7 g\""},
                                      {"2026-03-01T12:10:00Z", "yesterday", "series.csv, line 4] expected seconds or a time"},
                                      {"2026-03-01T12:10:00Z", "", "series.csv, line 4] expected a time in column `time`, got nothing"},
                                      {"Z,pump 1,NaN", "Z, ,NaN", "series.csv, line 4] expected the name of a machine"},
                                      {"pump 1,1.5,,10", "pump 1,1.5,10", "line 2"}};
    for (const Case& c : series) CHECK_THROWS_WITH(tables.read(replaced(kSeries, c.from, c.to), kLogs), ContainsSubstring(c.message));
    const std::vector<Case> logs = {{"2026-03-01T11:00", "", "logs.csv, line 2] expected `start` and `stop` of an episode together"},
                                    {"2026-03-01T11:00", "2026-03-02T11:00", "logs.csv, line 2] expected `start` before `stop`"},
                                    {",1,3", ",yes,3", "logs.csv, line 2] expected 0, 1 or nothing in column `failure`"},
                                    {",1,3", ",1,2.5", "logs.csv, line 2] expected a whole number >= 0 in column `page`"},
                                    {"12:30,pump", "12:99,pump", "logs.csv, line 2] expected seconds or a time"}};
    for (const Case& c : logs) {
      CHECK_THROWS_WITH(tables.read(kSeries, replaced(kLogs, c.from, c.to)), ContainsSubstring(c.message));
      CHECK_THROWS_AS(tables.read(kSeries, replaced(kLogs, c.from, c.to)), DataError);
    }
  }
  SECTION("columns that are needed") {
    CHECK_THROWS_WITH(tables.read(replaced(kSeries, "machine", "unit"), kLogs),
                      ContainsSubstring("expected a column `machine`, got only: time, unit"));
    CHECK_THROWS_AS(tables.read("time,machine\n1,a\n", kLogs), ConfigError);
    CHECK_THROWS_WITH(tables.read(kSeries, replaced(kLogs, "text", "note")), ContainsSubstring("expected a column `text`"));
    CHECK_THROWS_WITH(tables.read(kSeries, replaced(kLogs, "stop", "end")), ContainsSubstring("both columns `start` and `stop`"));
    CHECK_THROWS_AS(tables.read("time,machine,a.b\n", kLogs), DataError);
    CHECK_THROWS_AS(read_machine_records(tables / "none.csv", tables / "logs.csv"), IoError);
  }
  SECTION("nothing that fits together") {
    CHECK_THROWS_WITH(tables.read(kSeries, "time,machine,text\n1,pump 7,hello\n2,pump 1,\n"),
                      ContainsSubstring("1 without text, 1 about other machines"));
    CHECK_THROWS_WITH(tables.read(kSeries, "time,machine,text\n1,pump 1,hello\n"), ContainsSubstring("within a day of their machine's series"));
    CHECK(tables.read(kSeries, "time,machine,text\n,pump 1,hello\n").counts.unstamped == 1);  // without a stamp there is nothing to contradict
  }
  SECTION("numbers beyond floats, and infinity, are gaps") {
    const MachineRecords records = tables.read("time,machine,a.b\n1,m,1e300\n2,m,inf\n3,m,-1e-320\n4,m,1\n", "time,machine,text\n3,m,x\n");
    CHECK(records.counts.gaps == 2);
    CHECK(records.machines[0].series.values[2][0].item<float>() == 0);
  }
  SECTION("a table that is cut anywhere is read, or refused by name") {
    const std::string folder = (tables / "").string();
    int64_t read = 0, refused = 0;
    write_file(tables / "series.csv", kSeries);
    for (size_t length = 1; length < kLogs.size(); length += 3) {
      std::ofstream(folder + "cut.csv") << kLogs.substr(0, length);
      try {
        read += read_machine_records(tables / "series.csv", tables / "cut.csv").logs.empty() ? 0 : 1;
      } catch (const Error& error) {
        ++refused;
        CHECK(std::string(error.what()).find("cut.csv") != std::string::npos);
      }
    }
    CHECK((read >= 2 && refused > 50));
  }
  SECTION("what is written is read back") {
    SimulatedFleet fleet = simulate_machines({.machines = 2, .machines_per_plant = 1, .days = 5, .seed = 3});
    fleet.records.machines[0].machine = "pump \"1\", east";
    for (MachineLog& log : fleet.records.logs)
      if (log.machine == "plant 1 pump 1") log.machine = "pump \"1\", east";
    write_machine_records(fleet.records, tables / "out");
    const MachineRecords back = read_machine_records(tables / "out/series.csv", tables / "out/logs.csv");
    CHECK(back.channels == fleet.records.channels);
    REQUIRE(back.machines.size() == 2);
    for (size_t m = 0; m < 2; ++m) {
      CHECK(back.machines[m].machine == fleet.records.machines[m].machine);
      CHECK_THAT(back.machines[m].series.times, SameBits(fleet.records.machines[m].series.times));
      CHECK_THAT(torch::nan_to_num(back.machines[m].series.values, -1),
                 AllClose(torch::nan_to_num(fleet.records.machines[m].series.values, -1), 1e-6, 1e-5));
    }
    REQUIRE(back.logs.size() == fleet.records.logs.size());
    for (size_t i = 0; i < back.logs.size(); ++i) {
      const MachineLog &a = back.logs[i], &b = fleet.records.logs[i];
      CHECK((a.machine == b.machine && a.text == b.text && a.page == b.page && a.failure == b.failure && a.explains() == b.explains() &&
             a.stamped() == b.stamped()));
      if (b.explains()) CHECK((a.start_s == b.start_s && a.stop_s == b.stop_s));
    }
  }
}

TEST_CASE("windows of odd series are finite, or refused", "[data]") {
  const Tables tables;
  const MachineRecords records = tables.read(kSeries, kLogs);
  const MachineWindows windows(records, {.steps = 4, .least_measured = 0});
  for (int64_t machine = 0; machine < 2; ++machine)
    for (const double after : {-9e9, 0.0, 600.0, 1300.0, 9e9, static_cast<double>(NAN)}) {
      const ModalityMap<Tensor> found = windows.window(machine, 1772366400 + after);
      for (const auto& [group, window] : found) {
        CHECK(window.isfinite().all().item<bool>());
        CHECK(window.select(1, -1).sum().item<float>() > 0);  // of a group that was not measured there is no window
      }
    }
  CHECK(windows.scaled(0).select(1, 2).nan_to_num(0).abs().max().item<float>() == 0);  // the constant channel
}
