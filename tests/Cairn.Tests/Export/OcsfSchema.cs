using System.Net;
using System.Text.Json;

namespace Cairn.Export;

/// <summary>
/// The part of OCSF 1.8.0 that Cairn writes, kept by hand from the published definitions of its classes, profiles and objects:
/// no package has them. An attribute that is not here is not known; one with <c>!</c> is required.
/// </summary>
static class OcsfSchema
{
    sealed record Type(string[] Attributes, params string[] AtLeastOne);

    const string Event = """
        activity_id!:int activity_name:text category_uid!:int category_name:text class_uid!:int class_name:text type_uid!:int type_name:text severity_id!:int severity:text time!:time duration:long
        message:text status:text status_id:int status_code:text status_detail:text metadata!:metadata actor:actor unmapped:any http_request:http_request src_endpoint:endpoint
        """;

    static readonly Dictionary<string, Type> Types = new()
    {
        ["6003"] = new([Event, "actor!:actor api!:api src_endpoint!:endpoint resources:resource[] trace:trace ai_model:ai_model message_context:message_context"]),
        ["3001"] = new([Event, "user!:user"]),
        ["3002"] = new([Event, "user!:user service:service dst_endpoint:endpoint"], "service", "dst_endpoint"),
        ["metadata"] = new(["version!:text product!:product profiles:text[] uid:text sequence:long log_name:text event_code:text logged_time:time correlation_uid:text original_time:text"]),
        ["product"] = new(["name:text vendor_name:text version:text uid:text"], "name", "uid"),
        ["actor"] = new(["user:user session:session app_name:text app_uid:text"], "user", "session", "app_name", "app_uid"),
        ["user"] = new(["uid:text name:text email_addr:text type_id:int type:text"], "uid", "name"),
        ["session"] = new(["uid:text"]),
        ["api"] = new(["operation!:text request:request response:response service:service version:text"]),
        ["request"] = new(["uid!:text"]),
        ["response"] = new(["code:int error:text error_message:text message:text"]),
        ["service"] = new(["name:text uid:text version:text"], "name", "uid"),
        ["endpoint"] = new(["ip:ip name:text uid:text hostname:text svc_name:text"], "ip", "name", "uid", "hostname", "svc_name"),
        ["http_request"] = new(["user_agent:text uid:text http_method:text"]),
        ["resource"] = new(["uid:text name:text type:text"], "uid", "name"),
        ["trace"] = new(["uid!:text"]),
        ["ai_model"] = new(["name:text uid:text ai_provider!:text version:text"], "name", "uid"),
        ["message_context"] = new(["uid:text name:text service:service prompt_tokens:int completion_tokens:int total_tokens:int"], "service", "application"),
    };

    /// <summary>The activities of a class; each has 0 and 99 beside these.</summary>
    static readonly Dictionary<int, (int Category, int Activities)> Classes = new() { [6003] = (6, 4), [3001] = (3, 11), [3002] = (3, 5) };

    static readonly Dictionary<string, string[]> Profiles = new() { ["trace"] = ["trace"], ["ai_operation"] = ["ai_model", "message_context"] };

    /// <summary>What is wrong with an event.</summary>
    public static List<string> Faults(JsonElement sent)
    {
        var faults = new List<string>();
        var (type, activity) = (sent.GetProperty("class_uid").GetInt32(), sent.GetProperty("activity_id").GetInt32());
        if (!Classes.TryGetValue(type, out var known)) return [$"class {type} is none that is written"];
        Check(sent, type.ToString(), "", faults);
        if (sent.GetProperty("category_uid").GetInt32() != known.Category) faults.Add("category_uid does not go with the class");
        if (sent.GetProperty("type_uid").GetInt32() != type * 100 + activity) faults.Add("type_uid does not go with the class and activity");
        if (activity != 99 && (activity < 0 || activity > known.Activities)) faults.Add($"activity {activity} is none of the class");
        if (sent.GetProperty("severity_id").GetInt32() is < 0 or > 6) faults.Add("severity_id");
        if (sent.GetProperty("status_id").GetInt32() is not (1 or 2)) faults.Add("status_id");
        var profiles = sent.TryGetProperty("metadata", out var metadata) && metadata.TryGetProperty("profiles", out var given) ? given.EnumerateArray().Select(one => one.GetString()!).ToArray() : [];
        foreach (var (profile, attributes) in Profiles)
            if (!profiles.Contains(profile) && attributes.Any(attribute => sent.TryGetProperty(attribute, out _))) faults.Add($"has attributes of the profile {profile}, which it does not name");
        return faults;
    }

    static void Check(JsonElement sent, string name, string path, List<string> faults)
    {
        var type = Types[name];
        // What a class says of an attribute counts before what all say.
        var attributes = type.Attributes.SelectMany(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).Select(one => one.Split(':'))
            .GroupBy(one => one[0].TrimEnd('!')).ToDictionary(same => same.Key, same => (Type: same.Last()[1], IsRequired: same.Last()[0].EndsWith('!')));
        foreach (var (attribute, said) in attributes)
            if (said.IsRequired && !sent.TryGetProperty(attribute, out _)) faults.Add($"{path}{attribute} is missing");
        if (type.AtLeastOne.Length > 0 && !type.AtLeastOne.Any(attribute => sent.TryGetProperty(attribute, out _))) faults.Add($"{path} has none of {string.Join(", ", type.AtLeastOne)}");
        foreach (var member in sent.EnumerateObject())
        {
            if (!attributes.TryGetValue(member.Name, out var said))
            {
                faults.Add($"{path}{member.Name} is not an attribute");
                continue;
            }
            if (!said.Type.EndsWith("[]", StringComparison.Ordinal)) CheckValue(member.Value, said.Type, path + member.Name, faults);
            else if (member.Value.ValueKind != JsonValueKind.Array) faults.Add($"{path}{member.Name} is not a list");
            else foreach (var one in member.Value.EnumerateArray()) CheckValue(one, said.Type[..^2], path + member.Name, faults);
        }
    }

    static void CheckValue(JsonElement value, string type, string path, List<string> faults)
    {
        var isRight = type switch
        {
            "text" => value.ValueKind == JsonValueKind.String && value.GetString()!.Length > 0,
            "ip" => value.ValueKind == JsonValueKind.String && IPAddress.TryParse(value.GetString(), out _),
            "int" or "long" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
            "time" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var ms) && ms > 0,
            "any" => value.ValueKind == JsonValueKind.Object,
            _ => value.ValueKind == JsonValueKind.Object,
        };
        if (!isRight) faults.Add($"{path} is not {type}: {value}");
        else if (Types.ContainsKey(type)) Check(value, type, path + ".", faults);
    }
}
