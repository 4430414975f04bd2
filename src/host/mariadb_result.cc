#include "host/mariadb_result.h"

#include <fmt/format.h>

#include <memory>

#include "host/connection.h"

namespace trimaran::host {

namespace {

constexpr size_t kShortTextBytes = 256;  // fetched with the row; a longer one is asked for again with its length known

struct FreeResult {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};

// Where the library puts one column of the current row.
struct Cell {
  int64_t integer = 0;
  double real = 0;
  char text[kShortTextBytes];
  unsigned long length = 0;
  my_bool null = 0, truncated = 0;
};

bool is_integer(enum_field_types type) {
  return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24 || type == MYSQL_TYPE_LONG ||
         type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_YEAR;
}

MYSQL_BIND bind_cell(Cell& cell, const MYSQL_FIELD& field) {
  MYSQL_BIND bind{};
  bind.is_null = &cell.null;
  bind.error = &cell.truncated;
  bind.length = &cell.length;
  if (is_integer(field.type)) {
    bind.buffer_type = MYSQL_TYPE_LONGLONG;
    bind.buffer = &cell.integer;
    bind.is_unsigned = (field.flags & UNSIGNED_FLAG) != 0;
  } else if (field.type == MYSQL_TYPE_FLOAT || field.type == MYSQL_TYPE_DOUBLE) {
    bind.buffer_type = MYSQL_TYPE_DOUBLE;
    bind.buffer = &cell.real;
  } else {
    bind.buffer_type = MYSQL_TYPE_STRING;
    bind.buffer = cell.text;
    bind.buffer_length = sizeof cell.text;
  }
  return bind;
}

[[noreturn]] void fail(MYSQL_STMT* statement) {
  throw DatabaseError(fmt::format("mariadb: {}", mysql_stmt_error(statement)),
                      static_cast<int>(mysql_stmt_errno(statement)));
}

Value read_cell(MYSQL_STMT* statement, const Cell& cell, const MYSQL_BIND& bind, unsigned at, ResultBudget& budget) {
  budget.add(sizeof(Value));
  if (cell.null) return Null();
  if (bind.buffer_type == MYSQL_TYPE_DOUBLE) return cell.real;
  if (bind.buffer_type == MYSQL_TYPE_LONGLONG) {
    if (!bind.is_unsigned || cell.integer >= 0) return cell.integer;
    return fmt::format("{}", static_cast<uint64_t>(cell.integer));  // beyond int64_t: exact as text
  }
  budget.add(cell.length);
  if (cell.length <= sizeof cell.text) return std::string(cell.text, cell.length);
  std::string text(cell.length, '\0');
  unsigned long length = 0;
  MYSQL_BIND whole{};
  whole.buffer_type = MYSQL_TYPE_STRING;
  whole.buffer = text.data();
  whole.buffer_length = text.size();
  whole.length = &length;
  if (mysql_stmt_fetch_column(statement, &whole, at, 0) != 0) fail(statement);
  return text;
}

}  // namespace

ParameterBinds::ParameterBinds(std::span<const Parameter> parameters) : binds_(parameters.size()) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    MYSQL_BIND& bind = binds_[i];
    auto point_at = [&bind](enum_field_types type, const void* value, size_t size) {
      bind.buffer_type = type;
      bind.buffer = const_cast<void*>(value);
      bind.buffer_length = size;
    };
    if (auto number = std::get_if<int64_t>(&parameters[i])) {
      point_at(MYSQL_TYPE_LONGLONG, number, sizeof *number);
    } else if (auto real = std::get_if<double>(&parameters[i])) {
      point_at(MYSQL_TYPE_DOUBLE, real, sizeof *real);
    } else if (auto text = std::get_if<std::string_view>(&parameters[i])) {
      point_at(MYSQL_TYPE_STRING, text->empty() ? "" : text->data(), text->size());  // no buffer would be NULL
    } else if (auto blob = std::get_if<Blob>(&parameters[i])) {
      point_at(MYSQL_TYPE_BLOB, blob->bytes.empty() ? "" : blob->bytes.data(), blob->bytes.size());
    } else {
      bind.buffer_type = MYSQL_TYPE_NULL;
    }
  }
}

Rows read_rows(MYSQL_STMT* statement) {
  std::unique_ptr<MYSQL_RES, FreeResult> result(mysql_stmt_result_metadata(statement));
  if (!result) return {};
  unsigned count = mysql_num_fields(result.get());
  const MYSQL_FIELD* fields = mysql_fetch_fields(result.get());
  auto columns = std::make_shared<Row::Columns>();
  std::vector<Cell> cells(count);
  std::vector<MYSQL_BIND> binds;
  for (unsigned i = 0; i < count; ++i) {
    columns->emplace_back(fields[i].name, fields[i].name_length);
    binds.push_back(bind_cell(cells[i], fields[i]));
  }
  if (mysql_stmt_bind_result(statement, binds.data()) != 0) fail(statement);
  // Row by row from the socket: a result that is too large is given up before it is in memory.
  Rows rows;
  ResultBudget budget;
  while (true) {
    int fetched = mysql_stmt_fetch(statement);
    if (fetched == MYSQL_NO_DATA) return rows;
    if (fetched != 0 && fetched != MYSQL_DATA_TRUNCATED) fail(statement);
    std::vector<Value> values;
    values.reserve(count);
    for (unsigned i = 0; i < count; ++i) values.push_back(read_cell(statement, cells[i], binds[i], i, budget));
    rows.emplace_back(columns, std::move(values));
  }
}

}  // namespace trimaran::host
