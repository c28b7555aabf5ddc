using Cairn.Hosting;
using Cairn.Support;

namespace Cairn.Push;

public sealed class PushSettingsTests
{
    static string Refused(string target)
    {
        using var directory = new TempDirectory();
        File.WriteAllText(Path.Combine(directory.Path, "cairn.json"), $$"""{"Push":[{{target}}]}""");
        return Assert.Throws<SettingException>(() => Settings.Read(new Dictionary<string, string?> { ["Data"] = directory.Path })).Message;
    }

    [Theory]
    [InlineData("Name", """{"Url":"https://a.example/"}"""), InlineData("Name", """{"Name":"a b","Url":"https://a.example/"}"""), InlineData("Name", """{"Name":"a\"}","Url":"https://a.example/"}""")]
    [InlineData("Url", """{"Name":"a"}"""), InlineData("Url", """{"Name":"a","Url":"a.example"}"""), InlineData("Url", """{"Name":"a","Url":"ftp://a.example/"}"""), InlineData("Url", """{"Name":"a","Url":"http://a.example/a-secret"}""")]
    [InlineData("Url", """{"Name":"a","Url":"https://u:a-secret@a.example/"}"""), InlineData("Url", """{"Name":"a","Url":"syslog+tls://u:a-secret@a.example/"}"""), InlineData("Url", """{"Name":"a","Url":"syslog+tcp://a.example:601/path"}"""), InlineData("Url", """{"Name":"a","Url":"https://a.example/a-secret#x"}""")]
    [InlineData("Records", """{"Name":"a","Url":"https://a.example/","Records":"conversations"}"""), InlineData("From", """{"Name":"a","Url":"https://a.example/","From":"2026-01-01"}""")]
    [InlineData("Filter", """{"Name":"a","Url":"https://a.example/","Filter":"colour=red"}"""), InlineData("Filter", """{"Name":"a","Url":"https://a.example/","Filter":"outcome=bad"}"""), InlineData("Filter", """{"Name":"a","Url":"https://a.example/","Filter":"from=2026-01-01"}""")]
    [InlineData("Filter", """{"Name":"a","Url":"https://a.example/","Records":"both","Filter":"action=a.b"}"""), InlineData("Filter", """{"Name":"a","Url":"https://a.example/","Records":"requests","Filter":"action=a.b"}""")]
    [InlineData("Secret", """{"Name":"a","Url":"https://a.example/","Secret":"a-secret"}"""), InlineData("Secret", """{"Name":"a","Url":"https://a.example/","Secret":"whsec_c2hvcnQ="}"""), InlineData("Secret", """{"Name":"a","Url":"syslog+tcp://a.example","Secret":"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5"}""")]
    [InlineData("Authorization", """{"Name":"a","Url":"https://a.example/","Authorization":"Bearer a-secret\r\nX: y"}"""), InlineData("Authorization", """{"Name":"a","Url":"syslog+tls://a.example","Authorization":"Bearer a-secret"}""")]
    [InlineData("CertificateAuthority", """{"Name":"a","Url":"https://a.example/","CertificateAuthority":"/nowhere.pem"}"""), InlineData("CertificateAuthority", """{"Name":"a","Url":"syslog+tcp://a.example","CertificateAuthority":"/etc/ssl/certs/ca-certificates.crt"}""")]
    [InlineData("Certificate", """{"Name":"a","Url":"https://a.example/","Certificate":"/etc/hostname"}"""), InlineData("AllowHttp", """{"Name":"a","Url":"http://a.example/","AllowHttp":"yes"}""")]
    [InlineData("BatchRecords", """{"Name":"a","Url":"https://a.example/","BatchRecords":0}"""), InlineData("BatchBytes", """{"Name":"a","Url":"https://a.example/","BatchBytes":1}"""), InlineData("Timeout", """{"Name":"a","Url":"https://a.example/","Timeout":"2h"}""")]
    [InlineData("Facility", """{"Name":"a","Url":"syslog+tcp://a.example","Facility":24}"""), InlineData("Facility", """{"Name":"a","Url":"https://a.example","Facility":13}""")]
    public void A_value_that_is_not_understood_stops_the_start_and_no_secret_is_said(string name, string target)
    {
        var refused = Refused(target);
        Assert.StartsWith($"Setting Push:0:{name} is '", refused, StringComparison.Ordinal);
        Assert.Contains("allowed is", refused, StringComparison.Ordinal);
        Assert.DoesNotContain("a-secret", refused, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_is_not_known_or_given_twice_stops_the_start()
    {
        Assert.StartsWith("Setting Push:0:Uri is not known", Refused("""{"Name":"a","Uri":"https://a.example/"}"""), StringComparison.Ordinal);
        Assert.StartsWith("Setting Push is 'two of one name'", Refused("""{"Name":"a","Url":"https://a.example/"},{"Name":"a","Url":"https://b.example/"}"""), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_shown_of_a_target_holds_no_secret_and_tells_when_what_is_hidden_changes()
    {
        static object Target(string path) => new { Name = "siem", Url = "https://a.example/" + path, Filter = "outcome=!success", Secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5", Authorization = "Bearer a-secret", BatchRecords = 10 };
        var (first, second) = (Assert.Single(Targets.Read(Target("a-secret?k=1"))), Assert.Single(Targets.Read(Target("another"))));
        Assert.Matches(@"^siem: events \(outcome=!success\) to https://a\.example/… \([0-9a-f]{8}\)$", first.ToString());
        Assert.NotEqual(first.ToString(), second.ToString());
        Assert.Equal((10, "events", 443, false), (first.BatchRecords, first.Records, first.Port, first.FromBeginning));

        var syslog = Assert.Single(Targets.Read(new { Name = "log", Url = "syslog+tls://a.example", Records = "both", From = "beginning", Timeout = "2m" }));
        Assert.Equal(("log: both to syslog+tls://a.example", 6514, TimeSpan.FromMinutes(2), true), (syslog.ToString(), syslog.Port, syslog.Timeout, syslog.FromBeginning));
    }
}
