using Cairn.Support;

namespace Cairn.Hosting;

public class SettingsTests
{
    static SettingException Refused(string json)
    {
        using var directory = new TempDirectory();
        File.WriteAllText(Path.Combine(directory.Path, "cairn.json"), json);
        return Assert.Throws<SettingException>(() => Settings.Read(new Dictionary<string, string?> { ["Data"] = directory.Path }));
    }

    [Theory]
    [InlineData("""{"Retention":{"EventDay":5}}""", "Retention:EventDay")]
    [InlineData("""{"Retention":"x"}""", "Retention")]
    [InlineData("""{"Retention":{"EventDays":{"a":1}}}""", "Retention:EventDays:a")]
    [InlineData("""{"Foo":1}""", "Foo")]
    public void A_name_that_is_not_known_stops_the_start(string json, string name) =>
        Assert.StartsWith($"Setting {name} is not known", Refused(json).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("http://cairn.example.com:21443"), InlineData("https://localhost:1"), InlineData("http://localhost:1/path"), InlineData("nonsense")]
    public void An_address_is_localhost_or_a_number_so_that_no_name_opens_every_interface(string address) =>
        Assert.StartsWith("Setting Gateway:Url is '", Refused("{\"Gateway\":{\"Url\":\"" + address + "\"}}").Message, StringComparison.Ordinal);
}
