using Cairn.Support;

namespace Cairn.Records;

public sealed class KindTests
{
    [Fact]
    public void The_columns_of_a_file_are_those_that_were_promised()
    {
        Assert.Equal("timestamp,request_id,model,backend_type,endpoint,duration_ms,status,prompt_tokens,completion_tokens,total_tokens,error_type,error_message", string.Join(',', Some.RequestKind.Csv.Select(field => field.Name)));
        Assert.Equal("createdAt,id,actorId,actorName,actorEmail,actorRole,action,actionLabel,resource,resourceId,resourceName,outcome,ip,userAgent,metadata", string.Join(',', Some.EventKind.Csv.Select(field => field.Name)));
    }

    [Fact]
    public void A_list_of_fields_holds_together()
    {
        Check(Some.RequestKind);
        Check(Some.EventKind);

        static void Check<T>(Kind<T> kind) where T : class, IRecord, new()
        {
            Assert.Equal(kind.Fields.Select(field => field.Name).Distinct(), kind.Fields.Select(field => field.Name));
            Assert.All(kind.Stored, field => Assert.True(field.IsText ? field.SetText is not null : field.Number is not null && field.SetNumber is not null, field.Name));
            Assert.All(kind.ByParameter.Values, field => Assert.True(field.IsIndexed, field.Name));
            Assert.All(kind.Fields.Where(field => field.Search is Search.Index or Search.Listing), field => Assert.Equal(Keep.Term, field.Keep));
            Assert.All(kind.Csv, field => Assert.Contains(field, kind.Fields));
            Assert.All(kind.Rollups, rollup => Assert.All(rollup.Fields, field => Assert.Equal(Keep.Term, field.Keep)));
        }
    }
}
