using System.Reflection;

namespace Cairn.Export;

/// <summary>What wrote a record, as it names itself to others.</summary>
static class Product
{
    public static readonly string Version = typeof(Product).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
