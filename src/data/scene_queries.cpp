// SPDX-License-Identifier: Apache-2.0
#include "data/detail/scene_layout.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace alloy::detail {

namespace {

/// An answer counts as clear if a direction is off a diagonal by this factor, and a distance off another.
constexpr double kClearAngle = 1.25, kClearDistance = 0.65;

enum class Answer { yes, no, unclear };

struct Offset {
  double x, y;
};

Offset offset(const SceneObject& from, const SceneObject& to) {
  const auto middle = [](const SceneObject& o, size_t axis) { return 0.5 * (o.box[axis] + o.box[axis + 2]); };
  return {middle(to, 0) - middle(from, 0), middle(to, 1) - middle(from, 1)};
}

double distance(const SceneObject& a, const SceneObject& b) {
  const Offset d = offset(a, b);
  return std::hypot(d.x, d.y);
}

/// How far a thing lies in a direction, and how far aside of it.
Offset along(SceneRelation relation, Offset d) {
  switch (relation) {
    case SceneRelation::left_of:
      return {-d.x, std::abs(d.y)};
    case SceneRelation::right_of:
      return {d.x, std::abs(d.y)};
    case SceneRelation::above:
      return {-d.y, std::abs(d.x)};
    default:
      return {d.y, std::abs(d.x)};
  }
}

Answer lies(SceneRelation relation, const SceneObject& thing, const SceneObject& anchor) {
  const Offset d = along(relation, offset(anchor, thing));
  if (d.x > kClearAngle * d.y) return Answer::yes;
  return d.x < d.y / kClearAngle ? Answer::no : Answer::unclear;
}

struct Anchor {
  std::vector<int64_t> members;
  std::vector<std::string> words;
};

/// Single things that a category, or colour and category, name uniquely, and pairs that are all there is of it.
std::vector<Anchor> anchors_of(const std::vector<SceneObject>& objects, int64_t without_category) {
  std::vector<Anchor> out;
  const auto describe = [&](int64_t category, int64_t color) {
    Anchor anchor;
    for (size_t i = 0; i < objects.size(); ++i)
      if (objects[i].category == category && (color < 0 || objects[i].color == color)) anchor.members.push_back(static_cast<int64_t>(i));
    if (anchor.members.empty() || anchor.members.size() > 2) return;
    anchor.words.emplace_back(anchor.members.size() == 2 ? "two" : "the");
    if (color >= 0) anchor.words.emplace_back(scene_color_names()[static_cast<size_t>(color)]);
    const auto noun = std::string(scene_category_names()[static_cast<size_t>(category)]);
    anchor.words.push_back(anchor.members.size() == 2 ? (noun.ends_with("s") ? noun + "es" : noun + "s") : noun);
    out.push_back(std::move(anchor));
  };
  for (int64_t category = 0; category < kSceneCategories; ++category)
    if (category != without_category)
      for (int64_t color = -1; color < kSceneColors; ++color) describe(category, color);
  return out;
}

SceneQuery make_query(const std::vector<SceneObject>& objects, int64_t target) {
  const SceneObject& o = objects[static_cast<size_t>(target)];
  return {.words = {"the", std::string(scene_color_names()[static_cast<size_t>(o.color)]),
                    std::string(scene_category_names()[static_cast<size_t>(o.category)])},
          .roles = {WordRole::nothing, WordRole::target, WordRole::target},
          .target = target};
}

void add_relation(SceneQuery& query, SceneRelation relation, const Anchor& anchor) {
  query.relation = relation;
  query.anchors = anchor.members;
  const std::string_view name = name_of(relation);
  const size_t space = name.find(' ');
  query.words.emplace_back(name.substr(0, space));
  query.roles.push_back(WordRole::relation);
  if (space != std::string_view::npos) query.words.emplace_back(name.substr(space + 1)), query.roles.push_back(WordRole::nothing);
  for (const std::string& word : anchor.words) {
    query.words.push_back(word);
    query.roles.push_back(word == "the" ? WordRole::nothing : WordRole::anchor);
  }
}

/// Whether the target, and none of its twins, stands in a relation to all of an anchor.
bool tells_apart(const std::vector<SceneObject>& objects, const SceneQuery& query, SceneRelation relation, const Anchor& anchor) {
  const auto object = [&](int64_t i) -> const SceneObject& { return objects[static_cast<size_t>(i)]; };
  const SceneObject& target = object(query.target);
  if (relation == SceneRelation::next_to) {
    if (anchor.members.size() != 1) return false;
    const double near = distance(target, object(anchor.members[0]));
    return std::ranges::all_of(query.twins, [&](int64_t twin) { return near < kClearDistance * distance(object(twin), object(anchor.members[0])); });
  }
  const auto answers = [&](const SceneObject& thing, Answer wanted) {
    return [&, wanted](int64_t a) { return lies(relation, thing, object(a)) == wanted; };
  };
  return std::ranges::all_of(anchor.members, answers(target, Answer::yes)) &&
         std::ranges::all_of(query.twins, [&](int64_t twin) { return std::ranges::any_of(anchor.members, answers(object(twin), Answer::no)); });
}

}  // namespace

std::vector<SceneQuery> clear_queries(const std::vector<SceneObject>& objects) {
  constexpr std::array kRelations = {SceneRelation::left_of, SceneRelation::right_of, SceneRelation::above, SceneRelation::below,
                                     SceneRelation::next_to};
  std::vector<SceneQuery> out;
  for (size_t i = 0; i < objects.size(); ++i) {
    SceneQuery query = make_query(objects, static_cast<int64_t>(i));
    bool relatives = false;
    for (size_t j = 0; j < objects.size(); ++j) {
      if (j == i || objects[j].category != objects[i].category) continue;
      relatives = true;
      if (objects[j].color == objects[i].color) query.twins.push_back(static_cast<int64_t>(j));
    }
    if (query.twins.empty()) {
      if (relatives) out.push_back(query);
      continue;
    }
    for (const Anchor& anchor : anchors_of(objects, objects[i].category))
      for (const SceneRelation relation : kRelations) {
        if (!tells_apart(objects, query, relation, anchor)) continue;
        out.push_back(query);
        add_relation(out.back(), relation, anchor);
      }
  }
  return out;
}

namespace {

/// The farthest of some things in a direction.
int64_t farthest_of(const std::vector<SceneObject>& objects, const std::vector<int64_t>& which, SceneRelation relation) {
  return std::ranges::max(which, {}, [&](int64_t i) { return along(relation, offset(SceneObject{}, objects[static_cast<size_t>(i)])).x; });
}

bool has_direction(SceneRelation relation) { return relation != SceneRelation::none && relation != SceneRelation::next_to; }

}  // namespace

bool is_farthest(const std::vector<SceneObject>& objects, const SceneQuery& query) {
  if (!has_direction(query.relation)) return true;
  std::vector<int64_t> alike = query.twins;
  alike.insert(alike.begin(), query.target);
  return farthest_of(objects, alike, query.relation) == query.target;
}

}  // namespace alloy::detail

namespace alloy {

std::vector<int64_t> guessed_objects(const PictureScene& scene, const SceneQuery& query, SceneGuess guess) {
  const SceneObject& target = scene.objects.at(static_cast<size_t>(query.target));
  std::vector<int64_t> alike;
  for (size_t i = 0; i < scene.objects.size(); ++i)
    if (scene.objects[i].category == target.category && (guess == SceneGuess::category || scene.objects[i].color == target.color))
      alike.push_back(static_cast<int64_t>(i));
  if (guess != SceneGuess::farthest || !detail::has_direction(query.relation)) return alike;
  return {detail::farthest_of(scene.objects, alike, query.relation)};
}

double guess_accuracy(std::span<const PictureScene> scenes, SceneGuess guess) {
  check<DataError>(!scenes.empty(), "[guess_accuracy] expected scenes, got none");
  double sum = 0;
  for (const PictureScene& scene : scenes) {
    check<DataError>(!scene.queries.empty(), "[guess_accuracy] expected captions in every scene, got a scene without any");
    const auto alike = guessed_objects(scene, scene.queries[0], guess);
    sum += static_cast<double>(std::ranges::count(alike, scene.queries[0].target)) / static_cast<double>(alike.size());
  }
  return sum / static_cast<double>(scenes.size());
}

}  // namespace alloy
